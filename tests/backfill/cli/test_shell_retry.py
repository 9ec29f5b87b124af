"""`manage.py retry`, `compare`, and the retry output of `jobs`."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill.cli.run_and_watch import NO_WORKER
from backfill.models import Job
from backfill.warehouse import warehouse
from tests.backfill.broken import Broken
from tests.backfill.shell import Answer, Shell
from tests.seasons.tiny import FIRST, SECOND, THIRD, break_on, listing, make_options

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.shell,
    pytest.mark.usefixtures("season"),
]

RANGE = (
    "--start",
    FIRST,
    "--end",
    THIRD,
    "--processors",
    "TDZA,PSZA,PCF",
    "--no-canary",
    "--no-brake",
)
FIXED = ("--override", "--reason", "fixed")
SAME = "the code did not change after the run: fix the code first"
NO_CATEGORY = "unknown category 'NONSENSE'; job {0} has AccountingError, INSUFFICIENT_DATA, blocked"
TOO_FEW = "too few games, and Phase 3 did not change after the run"


@pytest.fixture
def broken(broken_jobs: Broken, season: Path) -> int:
    """Return the number of a job in which TDZA broke on the second and third date."""
    return broken_jobs.job(
        make_options(end=THIRD, processors=("TDZA", "PSZA", "PCF"), batch_size=2), season
    ).pk


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_dry_run_prints_what_would_run_and_what_is_left_out_and_runs_nothing(
    shell: Shell, broken: int, season: Path
) -> None:
    before = listing(season)
    answer = shell("retry", broken, *FIXED, "--end", SECOND, "--dry-run")
    assert (answer.code, answer.err, listing(season), Job.objects.count()) == (0, "", before, 1)
    assert squeezed(answer.out) == [
        f"retry of job {broken}: 2 runs in 1 batch of up to 2 dates",
        f"preflight: 2 warnings; `manage.py preflight_check {FIRST} --end-date {THIRD} --processors TDZA,PSZA,PCF` lists them",
        "processor date reason",
        f"TDZA {SECOND} AccountingError (after a fix: {SAME})",
        f"PCF {SECOND} upstream TDZA reruns",
        "Not retried:",
        "processor failure dates entities first last retry reason",
        f"TDZA INSUFFICIENT_DATA 1 2 {FIRST} {FIRST} never (expected) {TOO_FEW}",
    ]


def test_the_dry_run_is_what_runs(shell: Shell, broken: int) -> None:
    planned = shell("retry", broken, *FIXED, "--dry-run", "--json").document
    assert (planned["retry_of"], planned["preflight"]["ready"], planned["preflight"]["blocks"]) == (
        broken,
        True,
        [],
    )
    made = shell("retry", broken, *FIXED, "--inline", "--json")
    runs = (
        Job.objects.get(pk=made.document["job"])
        .runs.order_by("pk")
        .values_list("processor", "date", "batch")
    )
    assert [[r["processor"], r["date"], r["batch"]] for r in planned["runs"]] == [
        [p, str(d), b] for p, d, b in runs
    ]
    assert [out["what"] for out in planned["left_out"]] == ["INSUFFICIENT_DATA"]


def test_a_retry_runs_and_says_what_it_healed(shell: Shell, broken: int) -> None:
    answer = shell("retry", broken, *FIXED, "--inline", "--json")
    assert (answer.code, answer.err, answer.document["status"], answer.document["why"]) == (
        0,
        "",
        "succeeded",
        "fixed",
    )
    assert answer.document["retried"] == {
        "healed": {"blocked": 2, "failed": 2},
        "remaining": {},
        "new": {},
    }
    assert (
        shell("jobs", answer.document["job"], "--json").document
        | {"preflight": answer.document["preflight"]}
        == answer.document
    )
    line = f"retry of job {broken}: fixed: 2 blocked, 2 failed; remaining: none; new: none"
    assert squeezed(shell("jobs", answer.document["job"]).out)[2] == line


def test_a_retry_that_fails_again_exits_with_one(
    shell: Shell, broken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_on(monkeypatch, "TDZA", THIRD)
    assert shell("retry", broken, *FIXED, "--inline").code == 1


def test_a_retry_is_handed_over_to_the_workers(shell: Shell, broken: int) -> None:
    answer = shell("retry", broken, *FIXED)
    job = Job.objects.latest("pk")
    assert (answer.code, job.status, job.retry_of_id, job.owner) == (0, "queued", broken, "")
    assert answer.out.startswith(f"job {job.pk} queued; no worker is running")
    held = shell("retry", broken, *FIXED, "--dry-run")
    assert (held.code, f"BLOCKER: job {job.pk} (" in held.out) == (1, True)


def test_a_failed_job_lists_its_error_groups_and_retry_knows_them(
    shell: Shell, broken: int
) -> None:
    sample = f"AccountingError: TDZA {SECOND}: 2 entities more than once, 0 outside the population of 2; nothing was written"
    group = {
        "processor": "TDZA",
        "what": "AccountingError",
        "count": 2,
        "dates": 2,
        "first": str(SECOND),
        "last": str(THIRD),
    }
    (found,) = shell("jobs", broken, "--json").document["groups"]
    assert found == {
        "id": "cb77d12c",
        **group,
        "entities": [],
        "sample": sample,
        "query": found["query"],
    }
    assert warehouse().query(found["query"])  # the failed statement, on its first date
    assert squeezed(shell("jobs", broken).out)[-3:] == [
        f"Error groups (`manage.py retry {broken} --group ID`):",
        "id processor error count dates first last sample entities",
        f"cb77d12c TDZA AccountingError 2 2 {SECOND} {THIRD} {sample} -",
    ]
    planned = shell(
        "retry", broken, "--group", "cb77d12c", "--override", "--dry-run", "--json"
    ).document
    assert {r["date"] for r in planned["runs"]} == {str(SECOND), str(THIRD)}


def test_nothing_to_retry_is_said_with_the_reason(shell: Shell, broken: int) -> None:
    answer = shell("retry", broken, "--category", "INSUFFICIENT_DATA", "--inline")
    sentence = f"job {broken} has no failure to retry: 1 run with INSUFFICIENT_DATA (never (expected)): {TOO_FEW}\n"
    assert answer == Answer(2, "", sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("99999", "job 99999 does not exist; `manage.py jobs` lists the jobs"),
        ("seven", "JOB: 'seven' is not a whole number"),
        ("", "the following arguments are required: JOB (see --help)"),
        ("{0} --category NONSENSE", NO_CATEGORY),
        ("{0} --category ,", "--category is empty; leave it out to select all"),
        ("{0} --group 0badcafe", "job {0} has no error group '0badcafe'; choose from cb77d12c"),
        ("{0} --week 9", "job {0} has no date in week 9; it has weeks 2 to 3"),
        ("{0} --week 60-70", "a season has weeks 1 to 53, not 60"),
        ("{0} --week 8-5", "--week: '8-5' ends before it starts; write the earlier week first"),
        ("{0} --week many", "--week: 'many' is not a week; write 5, or 5-8"),
        ("{0} --processors PSZ", "unknown processor 'PSZ'; choose from TDZA, PSZA, PCF, PDC, ML"),
        ("{0} --processors ML", "job {0} did not run ML; choose from TDZA, PSZA, PCF"),
        ("{0} --start 2021-11-05 --end 2021-11-04", "the last date 2021-11-04 is before the first date 2021-11-05; swap them"),
        ("{0} --override", "overriding requires a reason; add --reason TEXT"),
        ("{0} --override --reason x --wait", NO_WORKER),
    ],
)  # fmt: skip
def test_what_cannot_be_retried_is_one_line(
    shell: Shell, season: Path, broken: int, words: str, sentence: str
) -> None:
    before = listing(season)
    assert shell("retry", *words.format(broken).split()) == Answer(
        2, "", f"{sentence.format(broken)}\n"
    )
    assert (listing(season), Job.objects.count()) == (before, 1)


def test_two_jobs_are_compared(shell: Shell, broken: int) -> None:
    again = shell("retry", broken, *FIXED, "--inline", "--json").document["job"]
    better, worse = shell("compare", broken, again), shell("compare", again, broken)
    assert (better.code, better.err, squeezed(better.out)) == (
        0,
        "",
        [
            f"job {broken} compared with job {again}: 4 runs in both, 5 runs only in job {broken}",
            "failure before after fixed remaining new",
            "blocked 2 0 2 0 0",
            "failed 2 0 2 0 0",
        ],
    )
    assert (worse.code, squeezed(worse.out)[-5:]) == (
        1,
        [
            "New failures:",
            f"- PCF {SECOND}: 1 blocked",
            f"- TDZA {SECOND}: 1 failed",
            f"- PCF {THIRD}: 1 blocked",
            f"- TDZA {THIRD}: 1 failed",
        ],
    )
    document = shell("compare", broken, again, "--json").document
    assert document["totals"]["failed"] == {
        "before": 2,
        "after": 0,
        "healed": 2,
        "remaining": 0,
        "new": 0,
    }
    assert document["changes"][0] == {
        "processor": "PCF", "date": str(SECOND), "what": "blocked", "before": 1, "after": 0,
        "healed": 1, "remaining": 0, "new": 0,
    }  # fmt: skip
    assert len(document["only_before"]) == 5


def test_jobs_that_do_not_exist_are_not_compared(shell: Shell, broken: int) -> None:
    assert shell("compare", broken, 99999) == Answer(
        2, "", "job 99999 does not exist; `manage.py jobs` lists the jobs\n"
    )
    assert shell("compare", "x", broken) == Answer(2, "", "A: 'x' is not a whole number\n")
