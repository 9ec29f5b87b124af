from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from backfill.errors import Refused
from backfill.ingest.load import Loaded, load
from backfill.ingest.load_checks import check_reading
from backfill.ingest.selection import LoadSelection
from backfill.ingest.stale_runs import preview, stale_runs
from backfill.models import Run
from backfill.plan.input_signatures import changes
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS, PGS, SCHED, UPGC, UTGC
from tests.backfill.bad_folders import PLAYER_GAMES, SCHEDULE
from tests.backfill.working import make_job, run_all
from tests.factories import file_of, phase3_folder, rewrite, write_rows
from tests.seasons.tiny import FIRST, LAST, NIGHTS, OPENING, SECOND, THIRD, season_rows
from validation.findings.kinds import FindingDraft

pytestmark = pytest.mark.usefixtures("season")
LATER = datetime(2022, 3, 1)


def stored(table: Table) -> list[Row]:
    return warehouse().query(f"SELECT * FROM {table} ORDER BY {', '.join(table.key)}")


def by_table() -> dict[Table, list[Row]]:
    return {table: stored(table) for table in INPUTS}


def late(folder: Path, *tables: Table, nights: Sequence[date] = NIGHTS) -> Path:
    """Write tables whose rows Phase 3 wrote later."""
    for table in tables:
        rows = [{**row, "processed_at": LATER} for row in season_rows(table, nights)]
        write_rows(file_of(folder, table), table, rows)
    return folder


def part(tables: str = "", start: date | None = None, end: date | None = None) -> LoadSelection:
    return LoadSelection.of(tables, start, end)


def refusal(path: Path, selection: LoadSelection) -> list[str]:
    with pytest.raises(Refused) as refused:
        load(path, selection)
    return str(refused.value).splitlines()


@pytest.mark.parametrize(
    ("names", "start", "end"),
    [("PGS", SECOND, THIRD), ("pgs", SECOND, None), ("player_game_summary", OPENING, FIRST)],
)
def test_a_partial_load_replaces_those_tables_and_dates(
    tmp_path: Path, names: str, start: date, end: date | None
) -> None:
    before = by_table()
    folder = late(tmp_path, PGS, UTGC)
    load(folder, part(names, start, end))
    expected = [
        {**row, "processed_at": LATER} if start <= row["game_date"] <= (end or start) else row
        for row in before[PGS]
    ]
    assert by_table() == {**before, PGS: expected}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_only_file_of_the_only_table_can_have_any_name(tmp_path: Path, suffix: str) -> None:
    rows = [{**row, "processed_at": LATER} for row in season_rows(PGS, [SECOND])]
    named = write_rows(file_of(tmp_path / "named", PGS, suffix), PGS, rows)
    folder = tmp_path / "any"
    folder.mkdir()
    file = named.rename(folder / f"correction of Monday{suffix}")
    load(file, LoadSelection.of("PGS", rows=True))
    load(folder, part("PGS", SECOND))
    changed = {row["game_date"] for row in stored(PGS) if row["processed_at"] == LATER}
    assert changed == {SECOND}
    (problem,) = refusal(file, part("PGS,TDGS", SECOND))
    assert "or select one table to load a single file of any name" in problem
    (folder / "other.csv").write_text("a,b")
    (problem,) = refusal(folder, part("PGS", SECOND))
    assert "no file in" in problem


def test_a_table_without_dates_is_replaced_in_its_seasons(tmp_path: Path) -> None:
    before = by_table()
    loaded = load(late(tmp_path, UPGC, nights=[FIRST]), part("UPGC"))
    assert (loaded.seasons, loaded.rows) == ((2021,), {str(UPGC): {2021: 2}})
    assert loaded.notes == (
        f"{UPGC}: 2 rows replace 36 rows",
        f"{UPGC}: no rows any more on {OPENING} to 2021-11-01, {SECOND} to {LAST}",
    )
    after = by_table()
    assert {t: rows for t, rows in after.items() if t is not UPGC} == {
        t: rows for t, rows in before.items() if t is not UPGC
    }


def test_dates_without_tables_replace_every_table(tmp_path: Path) -> None:
    folder = phase3_folder(
        tmp_path, **{t.short.lower(): season_rows(t, [THIRD]) for t in INPUTS if t is not PGS},
        pgs=[{**row, "points": 99} for row in season_rows(PGS)],
    )  # fmt: skip
    before = by_table()
    loaded = load(folder, part("", THIRD, THIRD))
    assert loaded.notes[0] == f"{PLAYER_GAMES}: 34 rows on other dates ignored"
    assert f"{PLAYER_GAMES}: 2 rows on {THIRD} replace 2 rows" in loaded.notes
    points = [row["points"] for row in stored(PGS) if row["game_date"] == THIRD]
    assert points == [99, 99]
    assert {t: rows for t, rows in by_table().items() if t is not PGS} == {
        t: rows for t, rows in before.items() if t is not PGS
    }


@pytest.mark.parametrize(
    ("selection", "sentence"),
    [
        (part("PGS", LAST, None), ""),
        (part("PGS", date(2021, 12, 1)), f"{PLAYER_GAMES}: has no rows on 2021-12-01"),
        (part("UTGC"), "nba_analytics.upcoming_team_game_context: no file in"),
    ],
)
def test_what_a_partial_load_lacks_is_one_sentence(
    tmp_path: Path, selection: LoadSelection, sentence: str
) -> None:
    late(tmp_path, PGS)
    if not sentence:
        assert load(tmp_path, selection).seasons == (2021,)
    else:
        (line,) = refusal(tmp_path, selection)
        assert line.startswith(sentence)


def test_a_part_of_a_season_that_is_not_loaded_is_refused(tmp_path: Path) -> None:
    write_rows(file_of(tmp_path, PGS), PGS, season_rows(PGS))
    rewrite(
        file_of(tmp_path, PGS),
        "SELECT * REPLACE (game_date + 365 AS game_date, 2022 AS season_year) FROM t",
    )
    before = by_table()
    assert refusal(tmp_path, part("PGS")) == [
        f"{PLAYER_GAMES}: game_date is outside the loaded seasons (2021) in 36 rows,"
        " first 2022-10-19"
    ]
    assert by_table() == before


def test_a_first_load_of_one_table_is_refused(own_warehouse: Path, tmp_path: Path) -> None:
    own_warehouse.rename(tmp_path / "away")
    assert refusal(late(tmp_path / "in", PGS), part("PGS")) == [
        "season 2021-22 is not loaded; load all tables first, without --tables"
    ]


def test_the_merged_season_is_checked(tmp_path: Path) -> None:
    """A game that moves into the range is still there on its old date."""
    schedule = file_of(late(tmp_path, SCHED), SCHED)
    rewrite(
        schedule,
        f"SELECT * REPLACE (DATE '{LAST}' AS game_date) FROM t WHERE game_date = '{OPENING}'",
    )
    assert refusal(tmp_path, part("SCHED", LAST, LAST)) == [
        f"{SCHEDULE}: 1 row duplicated in the key (game_id), first game_id 0022100000"
    ]
    rewrite(schedule, "SELECT * REPLACE (5 AS game_status) FROM t")
    assert refusal(tmp_path, part("SCHED"))[0].startswith(
        f"{SCHEDULE}: season 2021-22 would open no date"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--tables", "XYZ"), "'XYZ' is no input table; known: PGS (player_game_summary), "),
        (("--start", "2021-11-05", "--end", "2021-11-01"), "the end 2021-11-01 is before the start 2021-11-05"),
        (("--end", "2021-11-01"), "the end 2021-11-01 needs a start"),
        (("--start", "1.11.2021"), "--start: '1.11.2021' is not a date"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    err = StringIO()
    with pytest.raises((SystemExit, Refused)) as stopped:
        call_command("load_phase3", str(tmp_path), *arguments, stderr=err)
    text = err.getvalue() or str(stopped.value)
    assert (text.startswith(sentence), len(text.strip().splitlines())) == (True, 1)


def test_a_load_in_between_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = late(tmp_path / "first", PGS, nights=[FIRST])
    second = late(tmp_path / "second", PGS, nights=[SECOND])

    def load_second_meanwhile(*args: Any, **options: Any) -> tuple[FindingDraft, ...]:
        monkeypatch.undo()
        load(second, part("PGS", SECOND, SECOND))
        return check_reading(*args, **options)

    monkeypatch.setattr("backfill.ingest.load.check_reading", load_second_meanwhile)
    with pytest.raises(Refused, match="another load has replaced season 2021"):
        load(first, part("PGS", FIRST, FIRST))
    assert {row["processed_at"] == LATER for row in stored(PGS) if row["game_date"] == SECOND} == {
        True
    }


def test_partial_loads_side_by_side_lose_nothing(tmp_path: Path) -> None:
    outcomes: list[Loaded | Refused] = []

    def one(night: date) -> None:
        folder = late(tmp_path / str(night), PGS, nights=[night])
        while True:
            try:
                outcomes.append(load(folder, part("PGS", night, night)))
                return
            except Refused as refused:
                outcomes.append(refused)

    threads = [threading.Thread(target=one, args=[night]) for night in (FIRST, SECOND, THIRD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changed = {row["game_date"] for row in stored(PGS) if row["processed_at"] == LATER}
    assert changed == {FIRST, SECOND, THIRD}


# Stale runs


@pytest.mark.django_db
@pytest.mark.database
def test_a_later_opening_night_makes_the_same_runs_stale_in_the_preview(tmp_path: Path) -> None:
    run_all(make_job(batch_size=4))
    rows = [{**row, "game_status": 1} for row in season_rows(SCHED, [OPENING])]
    write_rows(file_of(tmp_path, SCHED), SCHED, rows)
    found = preview(tmp_path, part("SCHED", OPENING))
    assert found.problems == ()
    assert found.stale.reasons
    load(tmp_path, part("SCHED", OPENING))
    assert stale_runs([2021]) == found.stale


@pytest.mark.django_db
@pytest.mark.database
def test_the_preview_names_the_runs_that_the_load_makes_stale(tmp_path: Path) -> None:
    run_all(make_job(batch_size=4))
    assert stale_runs([2021]).reasons == {}
    folder = late(tmp_path, UPGC, nights=[SECOND])
    before = by_table()
    found = preview(folder, part("UPGC", SECOND, SECOND))
    assert (found.problems, found.rows) == ((), {str(UPGC): {2021: 36}})
    assert by_table() == before
    assert {day for _, day in found.stale.reasons} == {SECOND}
    assert found.stale.sentence == f"3 runs of PCF, PDC, ML on 1 date: {SECOND}"
    assert found.stale.command == f"manage.py backfill --start {SECOND} --end {SECOND} --stale"
    load(folder, part("UPGC", SECOND, SECOND))
    assert stale_runs([2021]) == found.stale
    assert found.stale.reasons.keys() == changes(Run.objects.all()).keys()
    again = preview(late(tmp_path / "pgs", PGS, nights=[OPENING]), part("PGS", OPENING, OPENING))
    assert set(again.stale.codes) == {"PSZA", "PCF", "PDC", "ML"}
    out = StringIO()
    call_command(
        "load_phase3", str(folder), "--tables=UPGC", f"--start={SECOND}", "--json", stdout=out
    )
    document = json.loads(out.getvalue())
    assert document["stale"] == {"runs": 3, "dates": [str(SECOND)], "command": found.stale.command}
