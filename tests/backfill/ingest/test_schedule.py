"""Seasons and dates of the schedule: from the files to the warehouse, a job and its audit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from backfill.audit import season_audit
from backfill.errors import Refused
from backfill.execution.inline import run_inline
from backfill.ingest.load import load
from backfill.ingest.selection import LoadSelection
from backfill.jobs.start import preview_job, start_job
from backfill.plan.preflight import check_range
from backfill.season_calendar import load_calendar
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS, PSZA, SCHED, UPGC
from tests.factories import file_of, game_rows, phase3_folder, write_rows
from tests.seasons.tiny import NIGHTS, OPENING, give, make_game, make_options, season_rows
from validation.findings import kinds
from validation.findings.kinds import Severity
from validation.season import DateType

# 2019-20: opening night, a pause, and a Finals game in October; 2020-21 opens the next day.
OPENED, FINALS = date(2019, 10, 22), date(2020, 10, 11)
REGULAR = [OPENED + timedelta(days=n) for n in range(16)]
PLAYOFFS = [date(2020, 9, 30), date(2020, 10, 9), FINALS]
NEXT = [FINALS + timedelta(days=n) for n in range(1, 18)]


def rows_of(table: Table, year: int, nights: Iterable[date], **values: object) -> list[Row]:
    """Make a game on each of these nights in the season of this season_year."""
    made = []
    for n, night in enumerate(nights):
        game = {**make_game(OPENING + timedelta(days=n)), "season_year": year, "game_date": night}
        game["game_id"] = f"{'004' if values else '002'}{year % 100}{n:05}"
        made += [
            {**row, **{k: v for k, v in values.items() if k in row}}
            for row in game_rows(table, game)
        ]
    return made


def two_seasons(folder: Path, following: Iterable[date] = NEXT) -> Path:
    rows = {
        table.short.lower(): [
            *rows_of(table, 2019, REGULAR),
            *rows_of(table, 2019, PLAYOFFS, season_type="playoffs"),
            *rows_of(table, 2020, following),
        ]
        for table in INPUTS
    }
    return phase3_folder(folder, **rows)


def test_a_season_that_ends_in_october_is_stored_and_dated_as_one(
    own_warehouse: Path, tmp_path: Path
) -> None:
    loaded = load(two_seasons(tmp_path))
    assert (loaded.seasons, loaded.notes) == ((2019, 2020), ())
    assert loaded.rows[str(UPGC)] == {2019: 2 * 19, 2020: 2 * 17}
    assert warehouse().seasons(UPGC) == {2019, 2020}
    calendar = load_calendar()
    final, opening = calendar.day(FINALS), calendar.day(NEXT[0])
    assert (final.type, final.season, final.index) == (DateType.PLAYOFFS, 2019, 355)
    assert (opening.type, opening.season, opening.index) == (DateType.BOOTSTRAP, 2020, 0)


@pytest.mark.django_db
@pytest.mark.database
def test_a_finals_game_beside_the_next_opening_reads_its_own_season_alone(
    own_warehouse: Path, tmp_path: Path, settings: Any
) -> None:
    load(two_seasons(tmp_path))
    options = make_options(start=PLAYOFFS[1], end=NEXT[-1])
    assert {r.date: r.batch for r in preview_job(options).plan.todo}.keys() == {
        *PLAYOFFS[1:],
        *NEXT,
    }
    job = start_job(options, "ann", inline=True)
    assert job
    run_inline(job, "ann")
    assert set(job.runs.values_list("status", flat=True)) == {"complete", "skipped"}
    batches = dict(job.runs.values_list("date", "batch"))
    assert batches[FINALS] == batches[PLAYOFFS[1]] != batches[NEXT[0]]
    rows = warehouse().query(f"SELECT analysis_date, games_in_sample_20 AS n FROM {PSZA}")
    assert {(r["analysis_date"], r["n"]) for r in rows} == {
        (PLAYOFFS[1], 17),
        (FINALS, 18),
        *((night, 14 + k) for k, night in enumerate(NEXT[14:])),
    }


@pytest.mark.parametrize(
    ("year", "opening"),
    [(2011, date(2011, 12, 25)), (1998, date(1999, 2, 5)), (2020, date(2020, 12, 22))],
)
def test_a_season_that_opens_late_has_its_own_year(
    year: int, opening: date, own_warehouse: Path, tmp_path: Path
) -> None:
    nights = [opening + timedelta(days=n) for n in range(16)]
    rows = {t.short.lower(): rows_of(t, year, nights) for t in INPUTS}
    assert load(phase3_folder(tmp_path, **rows)).seasons == (year,)
    assert [(d.day, d.season) for d in load_calendar().season(year)] == [(n, year) for n in nights]


@pytest.mark.parametrize(
    ("year", "nights", "sentence"),
    [
        (2020, NIGHTS, "a season opens between July 2020 and June 2021"),
        (2022, NIGHTS, "a season opens between July 2022 and June 2023"),
        (
            2021,
            [*NIGHTS, OPENING + timedelta(days=380)],
            "a season ends within a year of opening night, 2021-10-19",
        ),
    ],
)
def test_a_schedule_that_contradicts_its_season_year_is_refused_in_one_sentence(
    year: int, nights: list[date], sentence: str, own_warehouse: Path, tmp_path: Path
) -> None:
    rows = {t.short.lower(): rows_of(t, year, nights) for t in INPUTS}
    with pytest.raises(Refused) as refused:
        load(phase3_folder(tmp_path, **rows))
    assert str(refused.value) == (
        f"{SCHED}: season_year {year} has games from {nights[0]} to {nights[-1]}; {sentence}; "
        "correct season_year or game_date"
    )
    assert not own_warehouse.exists()


def test_a_season_that_overlaps_a_loaded_one_is_refused(
    own_warehouse: Path, tmp_path: Path
) -> None:
    load(two_seasons(tmp_path / "first"))
    early = [FINALS - timedelta(days=2), *NEXT]
    rows = {t.short.lower(): rows_of(t, 2020, early) for t in INPUTS}
    with pytest.raises(Refused, match="season_year 2019 has games until 2020-10-11, and seasons"):
        load(phase3_folder(tmp_path / "second", **rows))


# Postponed games


def listed(night: date, game: Row, **values: object) -> Row:
    return {**game, "game_date": night, **values}


@pytest.mark.parametrize(
    ("statuses", "counted"),
    [((1, 3), 1), ((3, 1), 0), ((1, 1), 1), ((2, 3), 1)],
    ids=["played later", "played earlier", "still to come", "interrupted"],
)
def test_a_postponed_game_counts_on_the_date_that_is_final(
    statuses: tuple[int, int], counted: int, own_warehouse: Path, tmp_path: Path
) -> None:
    first, second = NIGHTS[3], NIGHTS[-1] + timedelta(days=2)
    rows = season_rows(SCHED)
    game = next(row for row in rows if row["game_date"] == first)
    others = [row for row in rows if row is not game]
    twice = [
        listed(night, game, game_status=status)
        for night, status in zip((first, second), statuses, strict=True)
    ]
    tables = {t.short.lower(): season_rows(t) for t in INPUTS}
    loaded = load(phase3_folder(tmp_path, **{**tables, "sched": [*others, *twice]}))
    assert loaded.notes == (
        f"{SCHED}: 1 postponed game: {game['game_id']} ({first} and {second}); counted on its final "
        "date, or its last",
    )
    kept = warehouse().query(
        f"SELECT game_date, game_status FROM {SCHED} WHERE game_id = '{game['game_id']}'"
    )
    assert [tuple(row.values()) for row in kept] == [((first, second)[counted], statuses[counted])]


def test_a_partial_load_of_the_schedule_moves_a_postponed_game(
    own_warehouse: Path, tmp_path: Path
) -> None:
    first, second = NIGHTS[3], NIGHTS[-1] + timedelta(days=2)
    rows = season_rows(SCHED)
    game = next(row for row in rows if row["game_date"] == first)
    others = [row for row in rows if row is not game]
    tables = {t.short.lower(): season_rows(t) for t in INPUTS}
    to_come = listed(first, game, game_status=1)
    load(phase3_folder(tmp_path / "season", **{**tables, "sched": [*others, to_come]}))
    folder = tmp_path / "late"
    write_rows(file_of(folder, SCHED), SCHED, [listed(second, game, game_status=3)])
    loaded = load(folder, LoadSelection.of("SCHED", second))
    assert any("1 postponed game" in note for note in loaded.notes)
    kept = warehouse().query(f"SELECT game_date FROM {SCHED} WHERE game_id = '{game['game_id']}'")
    assert [row["game_date"] for row in kept] == [second]


def test_a_game_that_is_final_on_two_dates_is_refused(own_warehouse: Path, tmp_path: Path) -> None:
    rows = season_rows(SCHED)
    tables = {t.short.lower(): season_rows(t) for t in INPUTS}
    again = listed(NIGHTS[-1] + timedelta(days=2), rows[0])
    with pytest.raises(Refused, match="1 row duplicated in the key"):
        load(phase3_folder(tmp_path, **{**tables, "sched": [*rows, again]}))


def test_a_postponed_game_in_the_warehouse_is_on_one_date(season: Path, tmp_path: Path) -> None:
    """Phase 3 on BigQuery adds the new date and leaves the old row."""
    old = NIGHTS[-1] + timedelta(days=1)
    rows = season_rows(SCHED)
    give(SCHED, [*rows, listed(old, rows[5], game_status=1)], tmp_path)
    assert [d.day for d in load_calendar().season(2021)] == [*NIGHTS]
    assert load_calendar().day(old, live=True).games == 0


@pytest.mark.django_db
@pytest.mark.database
def test_a_postponed_game_in_the_warehouse_is_a_note(season: Path, tmp_path: Path) -> None:
    old, rows = NIGHTS[-1] + timedelta(days=1), season_rows(SCHED)
    give(SCHED, [*rows, listed(old, rows[5], game_status=1)], tmp_path)
    text = (
        f"1 postponed game: {rows[5]['game_id']} ({NIGHTS[5]} and {old}); counted on its final "
        "date, or its last"
    )
    (told,) = [i for i in preview_job(make_options()).report.tells if i.tables == () and i.dates]
    assert (str(told), told.dates) == (text, (NIGHTS[5], old))
    (audit,) = season_audit.seasons()
    (found,) = [f for f in audit.findings() if f.kind in (kinds.POSTPONED, kinds.DUPLICATE_INPUT)]
    assert (found.kind, found.sentence, found.weight) == (kinds.POSTPONED, text, Severity.NOTE)
    assert [r["game_date"] for r in warehouse().query(found.query)] == [NIGHTS[5], old]


@pytest.mark.django_db
@pytest.mark.database
@pytest.mark.parametrize("year", [2020, 2022])
def test_a_schedule_in_the_warehouse_that_contradicts_its_season_year_blocks(
    year: int, season: Path, tmp_path: Path
) -> None:
    """Nothing loads it on BigQuery."""
    wrong = [{**row, "season_year": year} for row in season_rows(SCHED)]
    give(SCHED, wrong, tmp_path)
    report = check_range(make_options())
    assert [item.sentence for item in report.blocks if "season_year" in item.sentence] == [
        load_calendar().contradictions()[year]
    ]
