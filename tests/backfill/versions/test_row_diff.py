"""Row diff against a naive one in Python, on random corrections of the tiny season."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from backfill.models import Job, Run
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.versions.row_diff import Pair, RowDiff, compare
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.tables import FAILURES, PGS, UPGC
from tests.backfill.versions.test_replaced import overwrite
from tests.seasons.tiny import FIRST, NIGHTS, PROCESSING, SECOND, THIRD, give, season_rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season")]
SEEDS = range(4)


def correct_at_random(seed: int, folder: Path) -> None:
    """Change values of some games; leave out a player's games; add a context row's value."""
    chance = random.Random(seed)
    rows = season_rows(PGS)
    for row in chance.sample(rows, chance.randint(0, 12)):
        row[chance.choice(("paint_attempts", "points", "usage_rate"))] = chance.randint(1, 9)
    if chance.random() < 0.6:
        name, last = chance.choice(rows)["player_lookup"], chance.choice(NIGHTS)
        rows = [r for r in rows if r["player_lookup"] != name or r["game_date"] <= last]
    give(PGS, rows, folder)
    context = season_rows(UPGC)
    for row in chance.sample(context, chance.randint(0, 4)):
        row["pace_differential"] = chance.randint(-4, 4)
    give(UPGC, context, folder)


def pairs_of(job: Job) -> list[Pair]:
    runs = Run.objects.filter(job=job, replaced__isnull=False)
    return [Pair(run.processor, run.date, run.replaced, run.fence) for run in runs]


def stored(code: str, day: date, token: int | None) -> tuple[dict[str, Row], dict[str, Row]]:
    """Return rows and failures of a version by entity."""
    processor, session = PROCESSORS[code], warehouse()
    session.stage_versions("oracle", processor.output, {day: token})
    rows = session.query("SELECT * FROM oracle")
    session.stage_versions("oracle", FAILURES, {day: token}, processor.name)
    failures = session.query("SELECT * FROM oracle")
    return (
        {row[processor.output.entity]: row for row in rows},
        {row["entity_id"]: row for row in failures},
    )


def change(old: Any, new: Any) -> str:
    if old is None:
        return "added"
    if new is None:
        return "removed"
    return "unchanged" if old == new else "changed"


def counted(old: dict[str, Any], new: dict[str, Any]) -> dict[str, int]:
    found = Counter(change(old.get(name), new.get(name)) for name in {*old, *new})
    return {name: found[name] for name in ("added", "removed", "changed", "unchanged")}


def values(old: Row, new: Row, code: str) -> Iterator[tuple[str, int, Any, Any]]:
    for column in PROCESSORS[code].output.hashed:
        a, b = old[column.name], new[column.name]
        if isinstance(a, list):
            yield from (
                (column.name, n, x, y) for n, (x, y) in enumerate(zip(a, b, strict=True), 1)
            )
        else:
            yield column.name, 0, a, b


def check(found: RowDiff, pairs: list[Pair]) -> None:
    """Compare every number with one computed row by row."""
    changed: dict[tuple[str, str, int], list[tuple[float | None, date, str, Any, Any]]] = {}
    dates, categories, entities = {}, Counter[tuple[Any, ...]](), set()
    for code, day, old_token, new_token in pairs:
        old_rows, old_failures = stored(code, day, old_token)
        new_rows, new_failures = stored(code, day, new_token)
        hashes = [{n: r["data_hash"] for n, r in rows.items()} for rows in (old_rows, new_rows)]
        contents = [
            {n: (r["failure_category"], r["failure_reason"]) for n, r in rows.items()}
            for rows in (old_failures, new_failures)
        ]
        dates[code, day] = (counted(*hashes), counted(*contents))
        for kind, (old, new) in (("row", hashes), ("failure", contents)):
            for name in {*old, *new}:
                if (word := change(old.get(name), new.get(name))) != "unchanged":
                    entities.add((code, day, kind, name, word))
        for name in {*old_failures, *new_failures}:
            before = old_failures.get(name, {}).get("failure_category")
            after = new_failures.get(name, {}).get("failure_category")
            if before != after:
                categories[code, day, before, "disappeared"] += 1
                categories[code, day, after, "appeared"] += 1
        for name in old_rows.keys() & new_rows.keys():
            if hashes[0][name] == hashes[1][name]:
                continue
            for column, element, a, b in values(old_rows[name], new_rows[name], code):
                if a != b:
                    is_number = not isinstance(a if a is not None else b, str | bool | date)
                    delta = float(abs(b - a)) if is_number and None not in (a, b) else None
                    changed.setdefault((code, column, element), []).append((delta, day, name, a, b))
    assert {
        (d.processor, d.date): (d.rows._asdict(), d.failures._asdict()) for d in found.dates
    } == dates
    assert {(e.processor, e.date, e.kind, e.entity, e.change) for e in found.entities} == entities
    assert {
        (c.processor, c.date, c.category, word): n
        for c in found.categories
        for word, n in (("appeared", c.appeared), ("disappeared", c.disappeared))
        if n
    } == {key: n for key, n in categories.items() if key[2]}
    assert {(c.processor, c.column, c.element): c.rows for c in found.columns} == {
        key: len(found) for key, found in changed.items()
    }
    for c in found.columns:
        all_of_it = changed[c.processor, c.column, c.element]
        deltas = [delta for delta, *_ in all_of_it if delta is not None]
        summary = (min(deltas), median(deltas), max(deltas)) if deltas else (None,) * 3
        assert (c.smallest, c.median, c.largest) == pytest.approx(summary)
        [example] = [one for one in all_of_it if one[1:3] == (c.date, c.entity)]
        assert example[0] == (pytest.approx(c.largest) if deltas else None)
        for shown, value in zip((c.old, c.new), example[3:], strict=True):
            assert shown is None if value is None else _same(shown, value)


def _same(shown: str | None, value: Any) -> bool:
    if isinstance(value, bool | str | date):
        return str(shown).lower() == str(value).lower()
    return shown is not None and float(shown) == pytest.approx(float(value))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_number_of_a_job_is_that_of_a_naive_diff(seed: int, tmp_path: Path) -> None:
    overwrite()
    correct_at_random(seed, tmp_path)
    job = overwrite()
    pairs = pairs_of(job)
    assert len(pairs) == len(CHAIN) * len(PROCESSING)
    found = compare(pairs, with_entities=True)
    check(found, pairs)
    # and those that the run itself has counted
    for one in found.dates:
        run = Run.objects.get(job=job, processor=one.processor, date=one.date)
        assert run.changes == {"rows": list(one.rows), "failures": list(one.failures)}


def test_random_corrections_change_add_and_remove_rows_and_failures(tmp_path: Path) -> None:
    """Otherwise the oracle compares nothing."""
    overwrite()
    seen = Counter[str]()
    for seed in SEEDS:
        correct_at_random(seed, tmp_path)
        found = compare(pairs_of(overwrite()))
        for one in found.dates:
            for kind in ("rows", "failures"):
                counts = getattr(one, kind)._asdict()
                seen.update(f"{kind} {name}" for name, n in counts.items() if n)
        seen.update("element" for column in found.columns if column.element)
    assert {f"rows {word}" for word in ("added", "removed", "changed", "unchanged")} <= seen.keys()
    assert {"failures added", "failures removed", "element"} <= seen.keys()


def test_an_equal_overwrite_has_an_empty_diff() -> None:
    overwrite()
    found = compare(pairs_of(overwrite()), with_entities=True)
    assert (found.columns, found.categories, found.entities, found.gone) == ((), (), (), ())
    assert all(
        not one.rows.different and one.rows.total for one in found.dates if one.date != FIRST
    )


def test_two_versions_of_a_date_are_compared_in_both_directions(tmp_path: Path) -> None:
    first = pairs_of(overwrite("PSZA")) or Run.objects.get(date=SECOND, processor="PSZA").fence
    correct_at_random(1, tmp_path)
    overwrite("PSZA")
    correct_at_random(2, tmp_path)
    overwrite("PSZA")
    assert isinstance(first, int)
    there = [Pair("PSZA", SECOND, first, None)]
    back = [Pair("PSZA", SECOND, None, first)]
    check(compare(there, with_entities=True), there)
    check(compare(back, with_entities=True), back)
    [one], [other] = compare(there).dates, compare(back).dates
    assert (one.rows.added, one.rows.removed) == (other.rows.removed, other.rows.added)


def test_a_version_that_is_gone_is_named_and_the_others_are_compared(season: Path) -> None:
    overwrite("PSZA")
    job = overwrite("PSZA")
    pairs = pairs_of(job)
    for kept in (season / ".versions").rglob("*.parquet"):
        if str(SECOND) in str(kept):
            kept.unlink()
    found = compare(pairs)
    assert [pair.date for pair in found.gone] == [SECOND]
    assert [one.date for one in found.dates] == [day for day in PROCESSING if day != SECOND]
    assert compare([Pair("PSZA", THIRD, 12345, None)]).dates == ()
