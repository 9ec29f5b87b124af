"""`manage.py preflight_check`, and the preflight output of starts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backfill.execution.inline import run_inline
from backfill.jobs.lifecycle import pause_job
from backfill.jobs.start import start_job
from backfill.models import Job
from backfill.processors.registry import CHAIN
from backfill.warehouse.tables import SCHED, UPGC
from tests.backfill.shell import Answer, Shell
from tests.seasons.tiny import (
    BOOTSTRAP,
    FIRST,
    LAST,
    SECOND,
    THIRD,
    give,
    listing,
    make_options,
    scheduled,
    season_rows,
    without,
)
from validation.coverage import ROWS_PER_GAME

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.shell,
    pytest.mark.usefixtures("season"),
]

PLAYERS, CONTEXT = "nba_analytics.player_game_summary", "nba_analytics.upcoming_player_game_context"


def started(**overrides: Any) -> Job:
    job = start_job(make_options(**overrides), "ann", inline=True)
    assert job
    return job


def lines(answer: Answer) -> list[str]:
    return [" ".join(line.split()) for line in answer.out.splitlines()]


def test_the_check_prints_each_date_and_what_follows(shell: Shell, season: Path) -> None:
    run_inline(started(start=BOOTSTRAP[-1], end=FIRST), "ann")
    before = listing(season)
    answer = shell(
        "preflight_check", BOOTSTRAP[-1], "--end-date", "2021-11-07", "--processors", "ML,PSZA"
    )
    assert (answer.code, answer.err, listing(season), Job.objects.count()) == (0, "", before, 1)
    few = "run Phase 3 for {0}, then load it with `manage.py load_phase3 DIR`"
    implied = "(20 %), at least 10 expected for 1 game"
    assert lines(answer) == [
        "2021-11-01 to 2021-11-07, backfill mode: 7 days, 5 with games (1 bootstrap, 4 regular, 2 no games)",
        "date type games PGS TDGS TOGS UPGC UTGC output not final",
        "2021-11-01 bootstrap 1 2/10 2/2 2/2 2/10 2/2 -",
        "2021-11-02 regular 1 2/10 2/2 2/2 2/10 2/2 PSZA ML",
        *(f"{day} regular 1 2/10 2/2 2/2 2/10 2/2 -" for day in (SECOND, THIRD, LAST)),
        *(f"2021-11-0{n} no games 0 - - - - - -" for n in (6, 7)),
        *(
            f"warning: {day}: {table} has 2 rows {implied}; {few.format(day)}"
            for day in (FIRST, SECOND, THIRD, LAST)
            for table in (PLAYERS, CONTEXT)
        ),
        "PSZA: output exists for 1 of 4 dates and will be kept",
        "ML: output exists for 1 of 4 dates and will be kept",
        "ready, 8 warnings",
    ]


def test_the_form_of_the_runbook_works(shell: Shell, season: Path, tmp_path: Path) -> None:
    without(UPGC, THIRD, tmp_path)
    answer = shell("preflight_check", "2021-11-01", "--end-date", "2021-11-30")
    assert answer.code == 1
    (blocks,) = (line for line in lines(answer) if line.startswith("BLOCKER: "))
    assert blocks.startswith(
        f"BLOCKER: {THIRD}: {CONTEXT} has no rows, at least 10 expected for 1 game; run Phase 3 for {THIRD}"
    )
    assert f"{THIRD} regular 1 2/10 2/2 2/2 0/10 2/2 -" in lines(answer)
    assert lines(answer)[-1] == "not ready, 1 blocker, 7 warnings"


def test_one_date_is_enough(shell: Shell, tmp_path: Path) -> None:
    without(UPGC, THIRD, tmp_path)
    document = shell("preflight_check", FIRST, "--json").document
    assert (document["start"], document["end"], document["ready"]) == (str(FIRST), str(FIRST), True)
    assert shell("preflight_check", THIRD).code == 1


def test_the_check_as_a_document(shell: Shell, tmp_path: Path) -> None:
    without(UPGC, FIRST, tmp_path)
    answer = shell("preflight_check", FIRST, "--end-date", FIRST, "--json")
    blocked = f"{FIRST}: {CONTEXT} has no rows, at least 10 expected for 1 game"
    few = f"{FIRST}: {PLAYERS} has 2 rows (20 %), at least 10 expected for 1 game"
    common = {
        "advice": f"run Phase 3 for {FIRST}, then load it with `manage.py load_phase3 DIR`",
        "dates": [str(FIRST)],
    }
    tables = {
        table: {"rows": n, "expected": expected, "low": n < expected}
        for (table, expected), n in zip(ROWS_PER_GAME.items(), (2, 2, 2, 0, 2), strict=True)
    }
    assert answer.code == 1
    assert answer.document == {
        "start": str(FIRST),
        "end": str(FIRST),
        "mode": "backfill",
        "processors": list(CHAIN),
        "ready": False,
        "blocks": [
            {
                "kind": "no rows",
                "sentence": blocked,
                "tables": [CONTEXT],
                "numbers": {"games": 1, "rows": 0, "expected": 10},
                **common,
            }
        ],
        "warns": [
            {
                "kind": "few rows",
                "sentence": few,
                "tables": [PLAYERS],
                "numbers": {"games": 1, "rows": 2, "expected": 10},
                **common,
            }
        ],
        "tells": [],
        "days": {"regular": 1},
        "dates": [
            {
                "date": str(FIRST),
                "type": "regular",
                "day": 14,
                "games": 1,
                "not_final": 0,
                "tables": tables,
                "output": [],
            }
        ],
    }


def test_games_that_are_not_final_are_counted_on_their_date(shell: Shell, tmp_path: Path) -> None:
    tonight = LAST + timedelta(days=1)
    give(SCHED, season_rows(SCHED) + [scheduled(tonight, n) for n in range(2)], tmp_path)
    assert (
        lines(shell("preflight_check", LAST, "--end-date", tonight))[3]
        == f"{tonight} no games 0 - - - - - - 2 games"
    )
    live = shell("preflight_check", tonight, "--mode", "normal")
    assert (live.code, lines(live)[2]) == (
        1,
        f"{tonight} regular 2 - - - 0/20 0/4 - 2 games",
    )


def test_what_cannot_be_run_is_not_ready(shell: Shell) -> None:
    nothing = "BLOCKER: no games between 2021-12-24 and 2021-12-25, so nothing to backfill"
    assert lines(shell("preflight_check", "2021-12-24", "--end-date", "2021-12-25"))[-2:] == [
        nothing,
        "not ready, 1 blocker",
    ]
    load_it = "load it with `manage.py load_phase3 DIR`, or simulate it with `manage.py simulate_season YEAR`"
    missing = f"BLOCKER: no Phase 3 data for the season 2022-23; {load_it}"
    answer = shell("preflight_check", "2022-11-01")
    assert (answer.code, lines(answer)) == (
        1,
        ["2022-11-01 to 2022-11-01, backfill mode", missing, "not ready, 1 blocker"],
    )


BAD = {
    "no date": (
        "yesterday",
        "START: 'yesterday' is not a date; write it as YYYY-MM-DD, for example 2021-11-22",
    ),
    "no end": (
        "2021-11-01 --end-date 30",
        "--end-date: '30' is not a date; write it as YYYY-MM-DD, for example 2021-11-22",
    ),
    "end before start": (
        "2021-11-02 --end-date 2021-11-01",
        "the last date 2021-11-01 is before the first date 2021-11-02; swap them",
    ),
    "21 seasons": (
        "2000-11-02 --end-date 2020-11-02",
        "2000-11-02 to 2020-11-02 spans more than 20 seasons; start several jobs",
    ),
    "mode": ("2021-11-02 --mode life", "unknown mode 'life'; choose from backfill, normal"),
    "processor": (
        "2021-11-02 --processors PSZ",
        "unknown processor 'PSZ'; choose from TDZA, PSZA, PCF, PDC, ML",
    ),
    "no processor": (
        "2021-11-02 --processors ,",
        "--processors is empty; leave it out to select all",
    ),
    "nothing": ("", "the following arguments are required: START (see --help)"),
    "misspelt": (
        "2021-11-02 --end 2021-11-03",
        "unrecognized arguments: --end 2021-11-03 (see --help)",
    ),
}


@pytest.mark.parametrize(("words", "sentence"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line(shell: Shell, words: str, sentence: str) -> None:
    assert shell("preflight_check", *words.split()) == Answer(2, "", f"{sentence}\n")
    assert shell("preflight_check", *words.split(), "--json") == Answer(2, "", f"{sentence}\n")


def test_an_empty_warehouse_is_answered(shell: Shell, settings: Any, tmp_path: Path) -> None:
    settings.WAREHOUSE_URL = f"parquet:{tmp_path}/nothing"
    assert (
        shell("preflight_check", "2021-11-02").code,
        shell("preflight_check", "2021-11-02", "--json").code,
    ) == (1, 1)


def test_a_start_says_how_many_warnings_there_were(shell: Shell) -> None:
    line = (
        "preflight: 2 warnings; `manage.py preflight_check 2021-11-02 --processors PSZA` lists them"
    )
    assert lines(shell("run_processor", "PSZA", FIRST))[-1] == line
    assert shell("run_processor", "PSZA", FIRST, "--json").document["preflight"]["ready"] is True
    assert (
        shell("preflight_check", "2021-11-02", "--processors", "PSZA").out.count("warning: ") == 2
    )


def test_a_start_that_goes_on_with_another_has_no_preflight_of_its_own(shell: Shell) -> None:
    job = started(end=FIRST, processors=("PSZA",), batch_size=0)
    pause_job(job, "ann")
    words = ("--start", FIRST, "--end", FIRST, "--processors", "PSZA", "--no-canary", "--no-brake")
    document = shell.backfill(*words, "--json").document
    assert (document["job"], document["status"], document["preflight"]) == (
        job.pk,
        "succeeded",
        None,
    )
