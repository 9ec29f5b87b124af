from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill import season_calendar
from backfill.execution import dispatch
from backfill.execution import execute as execution
from backfill.execution.claims import claim_step
from backfill.execution.inline import run_inline
from backfill.jobs.start import preview_job, start_job
from backfill.models import Job, Key, Run
from backfill.plan import input_signatures
from backfill.plan.input_signatures import InputChange, changed, changes, signature, signatures
from backfill.plan.planning import OUTDATED
from backfill.plan.rerun_policy import stale_keys
from backfill.processors.registry import CHAIN
from backfill.warehouse import season_cache, warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS, PGS, SCHED, TDGS, TOGS, UPGC, UTGC
from tests.backfill.statements import rows_warehouse, run_sql
from tests.backfill.working import batch_of, make_job, run_all
from tests.factories import make_row, write_rows
from tests.oracle import Tables
from tests.seasons.inputs import input_file
from tests.seasons.tiny import (
    FIRST,
    LAST,
    NIGHTS,
    OPENING,
    PROCESSING,
    SECOND,
    THIRD,
    cut,
    failures_of,
    give,
    make_options,
    part,
    season_rows,
    without,
)
from tests.spoiling import NOTHING_WRONG, Chances
from tests.strategies import Knobs, build, league_settings
from validation.season import usual_season_year

pytestmark = pytest.mark.usefixtures("season")

WINDOWS, CONTEXT = "earlier games changed since this run", "context rows changed since this run"
KEYS = [(code, day) for code in CHAIN for day in PROCESSING]
OLD = datetime(2021, 10, 1)
Edit = Callable[[list[Row], date], list[Row]]


def of_runs(test: Callable[..., None]) -> Any:
    """Mark a test as needing the database; signatures alone do not."""
    return pytest.mark.django_db(pytest.mark.database(pytest.mark.shell(test)))


def late(rows: list[Row], night: date) -> list[Row]:
    """Return the rows plus one with an old processed_at."""
    model = next(row for row in rows if row["game_date"] == night)
    texts = {c: "late" for c in ("player_lookup", "defending_team_abbr") if c in model}
    return [*rows, {**model, **texts, "game_id": "0022109999", "processed_at": OLD}]


def edited(rows: list[Row], night: date) -> list[Row]:
    """Change one row's last column other than processed_at."""
    number = next(n for n, row in enumerate(rows) if row["game_date"] == night)
    return [
        {**row, "opponent_team_abbr": "MIA"} if n == number else row for n, row in enumerate(rows)
    ]


def removed(rows: list[Row], night: date) -> list[Row]:
    number = next(n for n, row in enumerate(rows) if row["game_date"] == night)
    return [row for n, row in enumerate(rows) if n != number]


EDITS = pytest.mark.parametrize("edit", [late, edited, removed])


def moved(change: Callable[[], object], keys: Iterable[Key] = KEYS) -> set[Key]:
    """Return the (processor, date) pairs whose input signature changes."""
    before = signatures(keys)
    change()
    return {key for key, text in signatures(keys).items() if text != before[key]}


def after(night: date, *codes: str) -> set[Key]:
    return {(code, day) for code in codes for day in PROCESSING if day > night}


def finished(**overrides: Any) -> Job:
    job = start_job(make_options(**overrides), "ann", inline=True)
    assert job
    return run_inline(job, "ann")


def found() -> dict[Key, InputChange]:
    return changes(Run.objects.deciding(FIRST, LAST).values())


# Changes that affect a signature


def test_a_signature_has_a_part_for_the_windows_and_one_for_the_context() -> None:
    parts = {code: signature(code, FIRST).split() for code in CHAIN}
    assert {code: "".join(part[0] for part in parts[code]) for code in CHAIN} == {
        "TDZA": "w", "PSZA": "w", "PCF": "c", "PDC": "wc", "ML": "wc",
    }  # fmt: skip
    assert {len(part) for each in parts.values() for part in each} == {9}
    assert (parts["PDC"], parts["PCF"][0]) == (parts["ML"], parts["PDC"][1])


@EDITS
@pytest.mark.parametrize(
    ("table", "codes"),
    [(PGS, ("PSZA", "PDC", "ML")), (TOGS, ("PDC", "ML")), (TDGS, ("TDZA",))],
    ids=["PGS", "TOGS", "TDGS"],
)
@pytest.mark.parametrize("night", [OPENING, SECOND])
def test_a_game_counts_for_the_later_dates_alone(
    edit: Edit, table: Table, codes: tuple[str, ...], night: date, tmp_path: Path
) -> None:
    assert moved(lambda: give(table, edit(season_rows(table), night), tmp_path)) == after(
        night, *codes
    )


@EDITS
def test_a_context_row_counts_for_its_date_alone(edit: Edit, tmp_path: Path) -> None:
    expected = {(code, SECOND) for code in ("PCF", "PDC", "ML")}
    assert moved(lambda: give(UPGC, edit(season_rows(UPGC), SECOND), tmp_path)) == expected


@EDITS
def test_what_gives_no_number_counts_for_nothing(edit: Edit, tmp_path: Path) -> None:
    assert moved(lambda: give(UTGC, edit(season_rows(UTGC), SECOND), tmp_path)) == set()


def test_the_same_rows_in_another_order_are_the_same(tmp_path: Path) -> None:
    def load_again() -> None:
        for table in INPUTS:
            give(table, season_rows(table)[::-1], tmp_path)

    assert moved(load_again) == set()


def test_two_rows_that_are_equal_are_not_none(tmp_path: Path) -> None:
    (twin,) = {
        n
        for n, row in enumerate(season_rows(PGS))
        if row["game_date"] == OPENING and row["player_lookup"] == "homer"
    }
    rows = season_rows(PGS)
    assert moved(lambda: give(PGS, [*rows, rows[twin], rows[twin]], tmp_path)) == after(
        OPENING, "PSZA", "PDC", "ML"
    )


def test_a_later_processed_at_is_another_row(tmp_path: Path) -> None:
    rows = [
        {**row, "processed_at": row["processed_at"] + timedelta(microseconds=1)}
        for row in season_rows(TOGS)
    ]
    assert moved(lambda: give(TOGS, rows, tmp_path)) == after(OPENING, "PDC", "ML")


def test_what_lies_before_opening_night_is_not_read(tmp_path: Path) -> None:
    early = [
        {**row, "game_date": OPENING - timedelta(days=3), "game_id": "0012100001"}
        for row in season_rows(PGS, [OPENING])
    ]
    assert moved(lambda: give(PGS, [*early, *season_rows(PGS)], tmp_path)) == set()


def test_an_opening_night_that_moves_changes_what_is_read(tmp_path: Path) -> None:
    expected = {(code, day) for code, day in KEYS if code != "PCF"}
    assert moved(lambda: without(SCHED, OPENING, tmp_path)) == expected


def test_another_season_is_untouched(tmp_path: Path) -> None:
    def load_another() -> None:
        rows = [
            {**row, "season_year": 2022, "game_date": date(2022, 10, 20)}
            for row in season_rows(PGS, [OPENING])
        ]
        warehouse().load(2022, {PGS: write_rows(tmp_path / "2022.parquet", PGS, rows)})

    next_season = [("PSZA", date(2022, 11, 10))]
    assert moved(load_another, [*KEYS, *next_season]) == set(next_season)
    assert moved(lambda: without(PGS, OPENING, tmp_path), next_season) == set()


def test_a_stamp_changes_with_every_load_and_is_that_of_one_season(tmp_path: Path) -> None:
    before = warehouse().stamp(PGS, 2021)
    assert (before, warehouse().stamp(PGS, 2022)) == (
        warehouse().stamp(PGS, 2021),
        warehouse().stamp(TOGS, 2022),
    )
    give(PGS, season_rows(PGS), tmp_path)
    assert warehouse().stamp(PGS, 2021) != before


def test_nothing_is_read_again_until_a_season_is_loaded_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = signatures(KEYS)
    asked: list[str] = []
    query = type(warehouse()).query
    monkeypatch.setattr(
        type(warehouse()), "query", lambda *args: [asked.append(args[1]), query(*args)][1]
    )
    assert (signatures(KEYS), asked) == (before, [])
    give(TOGS, season_rows(TOGS), tmp_path)
    assert (signatures(KEYS), [str(TOGS) in sql for sql in asked]) == (before, [True])


# TDZA's windows

TEAMS = [f"T{n}" for n in range(10)]
DAY = OPENING + timedelta(days=80)


def defense(team: str, days: Iterable[int], **values: object) -> list[Row]:
    """Make one complete game of a team on each of these days of the season."""
    known = {
        f"opp_{zone}_{k}": v
        for zone in ("paint", "mid_range", "three_pt")
        for k, v in (("attempts", 20), ("makes", 9))
    }
    common = {
        "season_year": 2021,
        "defending_team_abbr": team,
        "processed_at": OLD,
        **known,
        **values,
    }
    return [
        make_row(TDGS, game_id=f"{team}{n}", game_date=OPENING + timedelta(days=n), **common)
        for n in days
    ]


def league(teams: int = 10, **values: object) -> list[Row]:
    """Make teams that play every second day, so that fifteen games take thirty days."""
    return [row for team in TEAMS[:teams] for row in defense(team, range(0, 80, 2), **values)]


@pytest.mark.parametrize(
    ("rows", "reached"),
    [
        (league(), 50),
        ([row for team in TEAMS for row in defense(team, range(80))], 50),
        ([*league(), *defense("OUT", range(0, 42, 2))], 12),
        ([*league(), *defense("NEW", range(60, 80, 2))], 50),
        ([*league(9), *defense("OUT", range(0, 42, 2))], 0),
        (league(opp_three_pt_makes=None), 0),
        (league(opp_paint_makes=21), 0),
    ],
    ids=[
        "the league's thirty days",
        "a game every day",
        "a team that rests",
        "a team that began",
        "too few teams",
        "a zone unknown",
        "bad rows",
    ],
)
@pytest.mark.specification
def test_the_windows_of_team_defense_forget(rows: list[Row], reached: int, tmp_path: Path) -> None:
    give(TDGS, rows, tmp_path)
    night, mine = OPENING + timedelta(days=reached), [("TDZA", DAY)]
    earlier = [row["game_date"] for row in rows if row["game_date"] < night]
    other = edited(rows, night)
    assert moved(lambda: give(TDGS, other, tmp_path), mine) == set(mine)
    if earlier:
        assert moved(lambda: give(TDGS, edited(other, max(earlier)), tmp_path), mine) == set()


@pytest.mark.specification
@league_settings
@given(
    seed=st.integers(0, 2**32),
    day=st.sampled_from((50, 35, 70)),
    chances=st.sampled_from((NOTHING_WRONG, Chances(copies=10), Chances(unknown=1, impossible=1))),
    backfill_mode=st.booleans(),
)
def test_what_a_signature_does_not_cover_changes_no_result(
    seed: int, day: int, chances: Chances, backfill_mode: bool
) -> None:
    """Drop as many of the oldest rows as the signature does not cover."""
    made = build(
        Knobs(seed, teams=16, roster=0, rounds=day * 2 // 3, day_index=day, chances=chances)
    )

    def since(first: date) -> Tables:
        return {
            **made.tables,
            "TDGS": [row for row in made.tables["TDGS"] if row["game_date"] >= first],
        }

    start = min(row["game_date"] for row in made.tables["SCHED"] if counts_as_opening(row))
    dates = sorted(
        {
            row["game_date"]
            for row in made.tables["TDGS"]
            if start <= row["game_date"] < made.dates[0]
        }
    )
    whole = signed(made.tables, made.dates[0])
    seen = bisect_left(dates, True, key=lambda first: signed(since(first), made.dates[0]) != whole)
    assert seen  # nothing was dropped from the first date on
    results = [
        run_sql("TDZA", tables, made.dates, season_start=start, backfill_mode=backfill_mode)
        for tables in (made.tables, since(dates[seen - 1]))
    ]
    assert results[0] == results[1]


def counts_as_opening(row: Row) -> bool:
    return (
        row["game_date"] >= date(2023, 10, 1)
        and row["game_status"] == 3
        and row["season_type"] == "regular"
    )


def signed(tables: Tables, day: date) -> str:
    """Return TDZA's signature over rows given in Python, each game in the season of its month."""
    games = [r | {"season_year": usual_season_year(r["game_date"])} for r in tables["SCHED"]]
    given_rows = rows_warehouse({**tables, "SCHED": games})
    with pytest.MonkeyPatch.context() as patch:
        for module in (input_signatures, season_cache, season_calendar):
            patch.setattr(module, "warehouse", lambda: given_rows)
        return signature("TDZA", day)


# Signatures stored by runs


@of_runs
def test_a_run_notes_what_it_could_read_and_one_that_is_not_executed_nothing(
    tmp_path: Path,
) -> None:
    job = finished(start=NIGHTS[13])
    noted = {(r.processor, r.date): r.input_signature for r in job.runs.all()}
    assert noted == {**signatures(KEYS), **{(code, NIGHTS[13]): "" for code in CHAIN}}
    assert found() == {}


@of_runs
@pytest.mark.postgres
def test_a_run_of_the_workers_notes_it_too_and_once_more_when_it_was_put_back() -> None:
    job = make_job(end=FIRST)
    dispatch.dispatch()
    claimed = claim_step(batch_of(job, 0), "TDZA", "lost", "worker")
    assert claimed
    dispatch.requeue(
        job, claimed.held, actor="sweep", reason="its worker died", cause="worker lost"
    )
    assert run_all(job).status == "succeeded"
    assert {(r.processor, r.date): r.input_signature for r in job.runs.all()} == signatures(
        [(code, FIRST) for code in CHAIN]
    )


@of_runs
def test_a_step_reads_one_version_of_a_season_that_is_loaded_under_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It starts over on the newest one, and its run is of the rows that it read."""
    execute, loads = execution.execute, [OPENING, NIGHTS[1]]

    def loading(*args: Any) -> Any:
        if loads:
            without(TDGS, loads.pop(), tmp_path)
        return execute(*args)

    monkeypatch.setattr(execution, "execute", loading)
    job = finished(end=FIRST, processors=("TDZA",))
    run, before = job.runs.get(), failures_of("TDZA", FIRST)
    assert (run.status, changed(run), loads) == ("complete", False, [])
    finished(end=FIRST, processors=("TDZA",), force=True)
    assert failures_of("TDZA", FIRST) == before


@of_runs
def test_an_input_that_cannot_be_read_pauses_the_job(season: Path) -> None:
    bootstrap = NIGHTS[13]
    job = start_job(
        make_options(bootstrap, FIRST, processors=("TDZA", "PSZA"), batch_size=2),
        "ann",
        inline=True,
    )
    assert job
    cut(input_file(season, PGS))
    run_inline(job, "ann")
    assert {
        r.processor: (r.status, r.error, bool(r.input_signature))
        for r in job.runs.filter(date=FIRST)
    } == {
        "TDZA": ("complete", "", True),
        "PSZA": ("pending", "", False),
    }
    job.refresh_from_db()
    assert job.status == Job.Status.PAUSED
    (stop,) = job.events.filter(to_state=Job.Status.PAUSING)
    assert f"{input_file(season, PGS)} is not a whole Parquet file; load its season" in stop.reason
    assert part(season, "PSZA", bootstrap).exists()


@of_runs
def test_a_run_that_was_refused_notes_what_it_would_have_read(tmp_path: Path) -> None:
    job = finished(start=LAST, end=LAST, mode="normal", processors=("TDZA",))
    run = job.runs.get()
    assert (run.status, run.reason.split(":")[0], changed(run)) == ("failed", "freshness", False)
    without(TDGS, OPENING, tmp_path)
    assert changed(run)


# Stale runs


@of_runs
def test_what_changed_is_said_of_the_runs_that_read_it(tmp_path: Path) -> None:
    finished()
    give(PGS, late(season_rows(PGS), FIRST), tmp_path)
    give(UPGC, edited(season_rows(UPGC), SECOND), tmp_path)
    expected = {
        **dict.fromkeys(after(FIRST, "PSZA", "PDC", "ML"), InputChange.WINDOWS),
        ("PCF", SECOND): InputChange.CONTEXT,
        **dict.fromkeys(
            [("PDC", SECOND), ("ML", SECOND)], InputChange.WINDOWS | InputChange.CONTEXT
        ),
    }
    assert found() == expected
    give(PGS, season_rows(PGS), tmp_path)
    give(UPGC, season_rows(UPGC), tmp_path)
    assert found() == {}


@of_runs
def test_of_a_run_that_noted_nothing_only_what_was_processed_since_is_seen(tmp_path: Path) -> None:
    finished()
    Run.objects.update(input_signature="", started_at=datetime(2022, 1, 1, tzinfo=UTC))
    give(PGS, edited(season_rows(PGS), SECOND), tmp_path)
    assert found() == {}
    new = {"processed_at": datetime(2022, 1, 2)}
    give(
        PGS,
        [{**r, **(new if r["game_date"] == SECOND else {})} for r in season_rows(PGS)],
        tmp_path,
    )
    give(
        UPGC,
        [{**r, **(new if r["game_date"] == LAST else {})} for r in season_rows(UPGC)],
        tmp_path,
    )
    windows = dict.fromkeys(after(SECOND, "PSZA", "PDC", "ML"), InputChange.WINDOWS)
    both = dict.fromkeys([("PDC", LAST), ("ML", LAST)], InputChange.WINDOWS | InputChange.CONTEXT)
    assert found() == {**windows, **both, ("PCF", LAST): InputChange.CONTEXT}


@of_runs
@pytest.mark.postgres
def test_the_outdated_are_run_again_with_their_reason_and_then_nothing_is(tmp_path: Path) -> None:
    finished()
    give(PGS, late(season_rows(PGS), SECOND), tmp_path)
    options = make_options(outdated=True)
    assert stale_keys(options) == dict.fromkeys(after(SECOND, "PSZA", "PDC", "ML"), WINDOWS)
    reasons = {
        "PSZA": WINDOWS,
        "PCF": "upstream reruns: PSZA",
        "PDC": WINDOWS,
        "ML": WINDOWS,
    }
    todo = preview_job(options).plan.todo
    assert {run.key: run.reason for run in todo} == {
        (c, day): reason for c, reason in reasons.items() for day in (THIRD, LAST)
    }
    job = finished(outdated=True)
    assert {run.status for run in job.runs.own()} == {"complete"}
    assert (stale_keys(options), preview_job(options).plan.todo) == ({}, ())


@of_runs
def test_another_context_is_a_reason_of_its_own(tmp_path: Path) -> None:
    finished()
    give(UPGC, edited(season_rows(UPGC), SECOND), tmp_path)
    give(TOGS, late(season_rows(TOGS), OPENING), tmp_path)
    options = make_options(outdated=True, end=SECOND)
    both = "earlier games and context rows changed since this run"
    assert stale_keys(options) == {
        **{(code, FIRST): WINDOWS for code in ("PDC", "ML")},
        ("PCF", SECOND): CONTEXT,
        **{(code, SECOND): both for code in ("PDC", "ML")},
    }
    Run.objects.filter(processor="ML").update(sql_hash="0ther5q1")
    assert stale_keys(options)["ML", SECOND] == OUTDATED


@of_runs
def test_what_is_not_asked_for_is_not_outdated(tmp_path: Path) -> None:
    finished()
    without(TDGS, OPENING, tmp_path)
    assert stale_keys(make_options(processors=("PSZA",), outdated=True)) == {}
    assert preview_job(make_options(processors=("TDZA",))).plan.todo == ()


@of_runs
def test_a_season_without_games_has_changed_for_those_that_read_them(tmp_path: Path) -> None:
    finished(processors=("PSZA",), end=FIRST)
    give(PGS, [], tmp_path)
    assert found() == {("PSZA", FIRST): InputChange.WINDOWS}
