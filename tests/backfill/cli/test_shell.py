from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import load_command_class

from backfill.jobs.lifecycle import pause_job
from backfill.jobs.start import start_job
from backfill.management.commands.backfill import parsed
from backfill.models import Finding, Job, Run
from backfill.plan.options import Options
from backfill.warehouse import warehouse
from backfill.warehouse.tables import HISTORY, SCHED, UPGC
from tests.backfill.shell import Answer, Shell
from tests.postgres import database_url
from tests.seasons.inputs import input_file
from tests.seasons.tiny import (
    BOOTSTRAP,
    FIRST,
    SECOND,
    THIRD,
    listing,
    make_options,
    put,
    rows_of,
    without,
)
from validation.categories import INSUFFICIENT_DATA

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.shell,
    pytest.mark.usefixtures("season"),
]

RANGE = ("--start", str(FIRST), "--end", str(FIRST))
PSZA = (*RANGE, "--processors", "PSZA")


def parsed_options(*words: object) -> Options:
    """Return the options that a `backfill` command line parses to."""
    command = load_command_class("backfill", "backfill")
    return parsed(
        vars(command.create_parser("manage.py", "backfill").parse_args([str(w) for w in words]))
    )


def run_keys(job: int) -> list[list[Any]]:
    return [
        [p, str(d), b]
        for p, d, b in Run.objects.filter(job=job)
        .order_by("pk")
        .values_list("processor", "date", "batch")
    ]


# backfill


@pytest.mark.usefixtures("judged_after_jobs")
def test_a_backfill_says_what_it_did_and_what_to_look_at(shell: Shell) -> None:
    answer = shell.backfill("--start", BOOTSTRAP[-1], "--end", FIRST, "--processors", "TDZA,PSZA")
    job = Job.objects.get()
    assert answer.code == 0
    first, asked, header, tdza, psza, *look = answer.out.splitlines()
    assert asked == f"{BOOTSTRAP[-1]} to {FIRST}, backfill mode, batches of 1, by {job.actor}"
    assert first.startswith(f"job {job.pk} succeeded in ")
    assert " ".join(header.split()) == "processor dates skipped rows failures query s write s"
    assert " ".join(tdza.split()).startswith(
        "TDZA 1 skipped, 1 complete 1 bootstrap 0 2 INSUFFICIENT_DATA"
    )
    assert " ".join(psza.split()).startswith("PSZA 1 skipped, 1 complete 1 bootstrap 2 -")
    check = f"manage.py preflight_check {BOOTSTRAP[-1]} --end-date {FIRST} --processors TDZA,PSZA"
    findings = Finding.objects.about(BOOTSTRAP[-1], FIRST).listed()
    assert {f.kind for f in findings} == {"low coverage"}  # the tiny season has a player a side
    assert look == [
        "Next:",
        f"  - INSUFFICIENT_DATA ({INSUFFICIENT_DATA.meaning}): TDZA 2. {INSUFFICIENT_DATA.advice}",
        f"Audited. Needs attention: {len(findings)} finding; see `manage.py triage --start {BOOTSTRAP[-1]} --end {FIRST}`",
        *(f"  #{f.pk} warning: low coverage: {f.sentence}" for f in findings),
        f"preflight: 2 warnings; `{check}` lists them",
    ]
    assert [line.rpartition(": ")[2] for line in answer.err.splitlines()] == [
        f"{code} {day}" for day in (FIRST, BOOTSTRAP[-1]) for code in ("TDZA", "PSZA")
    ]


def test_json_is_one_document_and_nothing_else(shell: Shell) -> None:
    answer = shell.backfill(*PSZA, "--json")
    found = answer.document
    processor = found["processors"][0]
    assert (answer.code, answer.err) == (0, "")
    assert found == {
        "job": Job.objects.get().pk,
        "status": "succeeded",
        "stopped": "",
        "who": found["who"],
        "why": "",
        "options": Job.objects.get().in_force,
        "batch_size": 1,
        "code_version": found["code_version"],
        "seconds": found["seconds"],
        "clock_moved": False,
        "processors": [
            {
                "processor": "PSZA",
                "dates": {"complete": 1},
                "skipped": {},
                "rows": 2,
                "failures": {},
                "query_seconds": processor["query_seconds"],
                "write_seconds": processor["write_seconds"],
            },
        ],
        "problems": [],
        "groups": [],
        "findings": found["findings"],
        "waiting": 0,
        "changes": None,
        "retry_of": None,
        "undo_of": None,
        "retried": None,
        "next": [],
        "preflight": found["preflight"],
    }
    assert (found["preflight"]["ready"], len(found["preflight"]["warns"])) == (True, 2)


def test_every_option_reaches_the_job(shell: Shell) -> None:
    words = (
        "--batch-size",
        2,
        "--force",
        "--skip-preflight",
        "--reason",
        "they asked",
        "--mode",
        "backfill",
    )
    words += (
        "--parallel",
        3,
        "--newest-first",
        "--no-canary",
        "--no-brake",
        "--max-retries",
        4,
        "--outdated",
    )
    answer = shell.backfill(
        "--start",
        FIRST,
        "--end",
        SECOND,
        "--processors",
        " ml , PlayerShotZoneAnalysisProcessor",
        *words,
        "--json",
    )
    assert answer.document["options"] == {
        "start": str(FIRST),
        "end": str(SECOND),
        "processors": ["PSZA", "ML"],
        "mode": "backfill",
        "force": True,
        "skip_preflight": True,
        "batch_size": 2,
        "reason": "they asked",
        "parallel": 3,
        "canary": False,
        "brake": False,
        "max_retries": 4,
        "newest_first": True,
        "skip_trigger": False,
        "outdated": True,
        "failed": False,
        "dates": "",
        "cells": "",
    }
    assert (answer.document["batch_size"], answer.document["why"]) == (2, "they asked")


def test_start_from_runs_the_rest_of_the_chain(shell: Shell) -> None:
    planned = shell("backfill", *RANGE, "--start-from", 4, "--dry-run", "--json").document
    assert [r["processor"] for r in planned["runs"]] == ["PDC", "ML"]


def test_with_everything_complete_there_is_nothing_to_do(shell: Shell, season: Path) -> None:
    shell.backfill(*PSZA)
    before = listing(season)
    assert shell.backfill(*PSZA) == Answer(
        0, f"{FIRST} to {FIRST}: everything is complete; --force runs it again\n", ""
    )
    assert shell.backfill(*PSZA, "--json").document == {
        "job": None,
        "status": "nothing to do",
        "stale": 0,
    }
    assert (listing(season), Job.objects.count()) == (before, 1)


def test_a_job_that_failed_exits_with_one(shell: Shell, tmp_path: Path) -> None:
    without(UPGC, FIRST, tmp_path)
    words = (*RANGE, "--processors", "PCF", "--skip-preflight", "--reason", "lost")
    answer = shell.backfill(*words, "--json")
    reason = f"no population: nba_analytics.upcoming_player_game_context has no rows for {FIRST}"
    assert answer.code == 1
    assert answer.document["problems"] == [
        {"processor": "PCF", "date": str(FIRST), "status": "failed", "why": reason}
    ]
    assert answer.document["next"] == [f"failed: PCF {FIRST} ({reason})"]


def test_without_a_worker_it_says_so(shell: Shell) -> None:
    sentence = (
        "no worker is running; start one with bin/up, or add --inline to run it in this process\n"
    )
    assert shell("backfill", *RANGE, "--wait") == Answer(2, "", sentence)
    assert not Job.objects.exists()


def test_without_a_worker_a_job_is_handed_over_all_the_same(shell: Shell) -> None:
    answer = shell("backfill", *RANGE)
    job = Job.objects.get()
    assert (answer.code, job.status, job.owner) == (0, "queued", "")
    assert [
        f"batch 0 of job {job.pk} waits for the sweep: Redis does not answer" in line
        for line in answer.err.splitlines()
    ] == [True]
    assert answer.out == (
        f"job {job.pk} queued; no worker is running: start one with bin/up; "
        f"`manage.py jobs {job.pk}` shows it\n"
        f"preflight: 2 warnings; `manage.py preflight_check {FIRST}` lists them\n"
    )


# --dry-run


def test_the_dry_run_prints_the_very_runs_that_are_made_and_makes_none(
    shell: Shell, season: Path
) -> None:
    words = (
        "--start",
        BOOTSTRAP[-1],
        "--end",
        SECOND,
        "--processors",
        "TDZA,PSZA",
        "--batch-size",
        2,
    )
    before = listing(season)
    planned = shell("backfill", *words, "--dry-run", "--json")
    assert (planned.code, listing(season), Job.objects.exists()) == (0, before, False)
    made = shell.backfill(*words, "--json").document["job"]
    assert [[r["processor"], r["date"], r["batch"]] for r in planned.document["runs"]] == run_keys(
        made
    )
    assert {r["action"] for r in planned.document["runs"]} == {"run", "skip"}


def test_a_plan_can_be_read(shell: Shell) -> None:
    answer = shell(
        "backfill",
        "--start",
        BOOTSTRAP[-1],
        "--end",
        "2021-11-10",
        "--dry-run",
        "--processors",
        "ML",
    )
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert (answer.code, answer.err) == (0, "")
    assert lines[:5] == [
        f"{BOOTSTRAP[-1]} to 2021-11-10, backfill mode: 10 days, 5 with games (1 bootstrap, 4 regular, 5 no games)",
        "5 runs in 5 batches of up to 1 date",
        "processor action dates reason",
        "ML skip 1 bootstrap",
        "ML run 4 not complete",
    ]
    assert lines[5] == f"canary: {FIRST} runs first, alone"
    check = f"manage.py preflight_check {BOOTSTRAP[-1]} --end-date 2021-11-10 --processors ML"
    assert lines[6].startswith("Upstream runs are not complete and not in this plan: TDZA on")
    assert lines[7:] == [f"preflight: 8 warnings; `{check}` lists them"]


def test_a_plan_says_which_job_holds_its_dates(shell: Shell) -> None:
    job = start_job(make_options(end=FIRST), "ann")
    assert job
    answer = shell("backfill", *PSZA, "--dry-run")
    held = f"job {job.pk} (ann, queued) holds 1 run of this range; wait for it or cancel it"
    assert (answer.code, answer.out.splitlines()[-2]) == (1, f"BLOCKER: {held}")
    pause_job(job, "ann")
    (block,) = shell("backfill", *PSZA, "--dry-run", "--json").document["preflight"]["blocks"]
    assert (block["kind"], "resume it or cancel it" in block["sentence"]) == ("held by a job", True)


def test_a_plan_says_with_which_job_it_would_go_on(shell: Shell) -> None:
    job = start_job(parsed_options(*PSZA), "ann", inline=True)
    assert job
    pause_job(job, "ann")
    answer = shell("backfill", *PSZA, "--dry-run")
    assert (answer.code, answer.out.splitlines()[-1]) == (
        0,
        f"starting resumes job {job.pk} (paused) with 1 run left",
    )
    assert shell.backfill(*PSZA, "--json").document["job"] == job.pk


def test_an_old_flag_and_its_new_word_mean_the_same() -> None:
    options = parsed_options(*PSZA, "--stale", "--no-pause-on-error")
    assert options == parsed_options(*PSZA, "--outdated", "--no-brake")
    assert (options.outdated, options.brake) == (True, False)


def test_what_another_statement_made_is_a_selection(shell: Shell) -> None:
    assert shell.backfill(*PSZA).code == 0
    assert "everything is complete" in shell.backfill(*PSZA, "--outdated").out
    Run.objects.update(sql_hash="0123abcd")
    planned = shell("backfill", *PSZA, "--outdated", "--dry-run", "--json").document["runs"]
    assert [r["reason"] for r in planned] == ["SQL changed since this run"]
    assert shell.backfill(*PSZA, "--outdated", "--overwrites", 1).code == 0
    assert "everything is complete" in shell.backfill(*PSZA, "--outdated").out


def test_a_verbose_plan_lists_each_run(shell: Shell) -> None:
    lines = shell("backfill", *PSZA, "--dry-run", "-v", 2).out.splitlines()
    assert lines[-1].split() == ["PSZA", str(FIRST), "run", "not", "complete", "0"]


def test_a_plan_that_the_preflight_blocks_exits_with_one(shell: Shell, tmp_path: Path) -> None:
    without(UPGC, FIRST, tmp_path)
    answer = shell("backfill", *RANGE, "--dry-run", "--json")
    (block,) = answer.document["preflight"]["blocks"]
    assert (answer.code, block["kind"], block["dates"], block["numbers"]["rows"]) == (
        1,
        "no rows",
        [str(FIRST)],
        0,
    )
    assert shell("backfill", *RANGE, "--dry-run", "--skip-preflight", "--reason", "lost").code == 0
    refused = shell.backfill(*RANGE)
    assert (refused.code, refused.out, refused.err.startswith("the preflight blocks: ")) == (
        2,
        "",
        True,
    )


# Refusals: exit 2, one line on stderr, nothing on stdout

ONE = "--start 2021-11-02 --end 2021-11-02"
LOAD = (
    "load it with `manage.py load_phase3 DIR`, or simulate it with `manage.py simulate_season YEAR`"
)
NO_DATE = "is not a date; write it as YYYY-MM-DD, for example 2021-11-22"
NO_GAME = "no games between {0} and {1}, so nothing to backfill"
NO_PROCESSOR = "unknown processor 'PSZ'; choose from TDZA, PSZA, PCF, PDC, ML"
NO_REASON = "skipping the preflight requires a reason, which is stored with the job"
BAD = {
    "end before start": (
        "--start 2021-11-03 --end 2021-11-02",
        "the last date 2021-11-02 is before the first date 2021-11-03; swap them",
    ),
    "no date": ("--start yesterday --end 2021-11-02", f"--start: 'yesterday' {NO_DATE}"),
    "no such day": ("--start 2021-11-02 --end 2021-11-31", f"--end: '2021-11-31' {NO_DATE}"),
    "no games": ("--start 2021-12-24 --end 2021-12-25", NO_GAME.format("2021-12-24", "2021-12-25")),
    "a summer": ("--start 2021-07-01 --end 2021-08-01", NO_GAME.format("2021-07-01", "2021-08-01")),
    "unknown processor": (f"{ONE} --processors PSZ", NO_PROCESSOR),
    "no processor": (f"{ONE} --processors ,", "--processors is empty; leave it out to select all"),
    "21 seasons": (
        "--start 2000-11-02 --end 2020-11-02",
        "2000-11-02 to 2020-11-02 spans more than 20 seasons; start several jobs",
    ),
    "not loaded": (
        "--start 2021-11-02 --end 2023-11-02",
        f"no Phase 3 data for the seasons 2022-23, 2023-24: {LOAD}",
    ),
    "misspelt": (
        f"{ONE} --skip-preflihgt",
        "unrecognized arguments: --skip-preflihgt (see --help)",
    ),
    "both": (
        f"{ONE} --processors ML --start-from 4",
        "--processors and --start-from exclude each other; use one of them",
    ),
    "no place": (
        f"{ONE} --start-from 6",
        "--start-from takes 1 to 5 (1 TDZA, 2 PSZA, 3 PCF, 4 PDC, 5 ML), not 6",
    ),
    "no number": (f"{ONE} --batch-size many", "--batch-size: 'many' is not a whole number"),
    "huge": (
        f"{ONE} --batch-size {10**20}",
        f"dates per batch must be 1 to 366, or 0 for automatic; not {10**20}",
    ),
    "negative": (
        f"{ONE} --batch-size -1",
        "dates per batch must be 1 to 366, or 0 for automatic; not -1",
    ),
    "mode": (f"{ONE} --mode bakfill", "unknown mode 'bakfill'; choose from backfill, normal"),
    "no reason": (f"{ONE} --skip-preflight", NO_REASON),
    "nothing": (
        "",
        "the following arguments are required: --start, --end, or --dates, or --cells, or --preset (see --help)",
    ),
}


@pytest.mark.parametrize(("words", "sentence"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_on_stderr(
    shell: Shell, season: Path, words: str, sentence: str
) -> None:
    before = listing(season)
    assert shell("backfill", *words.split(), "--inline") == Answer(2, "", f"{sentence}\n")
    assert shell("backfill", *words.split(), "--inline", "--json").out == ""
    assert (listing(season), Job.objects.exists()) == (before, False)


def test_half_an_option_is_not_taken_for_the_whole(shell: Shell) -> None:
    assert shell.backfill(*PSZA, "--dry") == Answer(
        2, "", "unrecognized arguments: --dry (see --help)\n"
    )


def test_a_job_that_holds_the_dates_is_named(shell: Shell) -> None:
    job = start_job(make_options(end=FIRST), "ann")
    assert job
    assert shell.backfill(*PSZA) == Answer(
        2, "", f"job {job.pk} (ann, queued) holds 1 run of this range; wait for it or cancel it\n"
    )


def test_a_damaged_warehouse_is_one_line_and_no_mistake_of_the_person(
    shell: Shell, season: Path
) -> None:
    file = input_file(season, SCHED)
    put(file, b"PAR1")
    answer = shell.backfill(*RANGE)
    assert (answer.code, answer.out, len(answer.err.splitlines())) == (1, "", 1)
    assert str(file) in answer.err


# run_processor


def test_one_processor_runs_for_one_date_whether_it_is_complete_or_not(shell: Shell) -> None:
    for name in ("PSZA", "playershotzoneanalysisprocessor"):
        assert shell("run_processor", name, FIRST, "--json").document["processors"][0]["dates"] == {
            "complete": 1
        }
    assert len(rows_of("PSZA")) == 2
    history = warehouse().query(f"SELECT job_id, triggered_by FROM {HISTORY}")
    assert history == [{"job_id": None, "triggered_by": "manual"}] * 2
    assert "PSZA" in shell("run_processor", "PSZA", FIRST).out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("PSZ 2021-11-02", NO_PROCESSOR),
        ("PSZA 2021-11-2", f"DATE: '2021-11-2' {NO_DATE}"),
        ("PSZA 2021-11-10", "no games on 2021-11-10, so nothing to backfill"),
        ("PSZA", "the following arguments are required: DATE (see --help)"),
        (
            "PSZA 2021-11-02 --skip-preflight",
            "skipping the preflight requires a reason, which is stored with the job",
        ),
    ],
)
def test_a_single_run_is_refused_in_one_line(shell: Shell, words: str, sentence: str) -> None:
    assert shell("run_processor", *words.split()) == Answer(2, "", f"{sentence}\n")
    assert not Job.objects.exists()


# jobs


def test_jobs_lists_the_newest_first_and_shows_one(shell: Shell) -> None:
    assert shell("jobs") == Answer(
        0, "no jobs yet; `manage.py backfill --start D --end D` starts one\n", ""
    )
    assert shell("jobs", "--json").document == {"jobs": []}
    first = shell.backfill(*PSZA, "--json").document
    second = shell.backfill(*RANGE, "--processors", "TDZA", "--json").document["job"]
    listed = shell("jobs", "--json").document["jobs"]
    assert [(j["job"], j["processors"], j["runs"], j["status"]) for j in listed] == [
        (str(second), "TDZA", "1 complete", "succeeded"),
        (str(first["job"]), "PSZA", "1 complete", "succeeded"),
    ]
    assert (
        shell("jobs", first["job"], "--json").document | {"preflight": first["preflight"]} == first
    )
    assert shell("jobs", second).out.startswith(f"job {second} succeeded in ")
    assert len(shell("jobs", "--limit", 1).out.splitlines()) == 2


def test_a_job_that_does_not_exist_is_refused(shell: Shell) -> None:
    assert shell("jobs", 7) == Answer(
        2, "", "job 7 does not exist; `manage.py jobs` lists the jobs\n"
    )
    assert shell("jobs", "seven") == Answer(2, "", "JOB: 'seven' is not a whole number\n")


def test_showing_a_failed_job_exits_with_one(shell: Shell) -> None:
    job = Job.objects.create(
        options=make_options().as_json(),
        actor="ann",
        code_version="1",
        batch_size=1,
        status="failed",
    )
    assert shell("jobs", job.pk).code == 1


# Real processes


def manage(*words: object) -> Answer:
    """Run `manage.py` in a separate process on this test's database and warehouse."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "WAREHOUSE_URL": settings.WAREHOUSE_URL,
    }
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *map(str, words)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def test_exit_codes_of_real_processes(tmp_path: Path) -> None:
    assert manage("backfill", *PSZA, "--inline", "--json").document["status"] == "succeeded"
    assert manage("backfill", *PSZA, "--force", "--mode=no") == Answer(
        2, "", "unknown mode 'no'; choose from backfill, normal\n"
    )
    without(UPGC, THIRD, tmp_path)
    failed = manage("run_processor", "PCF", THIRD, "--skip-preflight", "--reason", "lost", "--json")
    assert (failed.code, failed.document["status"], failed.err) == (1, "failed", "")


@pytest.mark.parametrize("limit", ["0", "-5", str(10**23)])
def test_a_list_has_at_least_one_line_and_not_endless_ones(shell: Shell, limit: str) -> None:
    assert shell("jobs", "--limit", limit) == Answer(
        2, "", f"--limit must be 1 to 1000, not {limit}\n"
    )


def test_settings_that_cannot_be_read_are_one_line() -> None:
    environment = {"PATH": os.environ["PATH"], "MAX_PARALLEL_BATCHES": "x"}
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "jobs"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("the settings cannot be read: ")
