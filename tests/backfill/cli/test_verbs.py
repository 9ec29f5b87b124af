"""CLI verbs for jobs that workers run; they call the same functions as the panel and the API."""

from __future__ import annotations

import pytest

from backfill.execution import dispatch
from backfill.execution.claims import claim_step
from backfill.models import Event, Job, Limits, Worker
from tests.backfill.shell import Answer, Shell
from tests.backfill.working import batch_of, job_events, make_job, make_worker, run_all
from tests.seasons.tiny import FIRST

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.shell,
    pytest.mark.usefixtures("season", "redis"),
]


def claimed(job: Job) -> Job:
    dispatch.dispatch()
    assert claim_step(batch_of(job, 0), "PSZA", "a claim", "worker")
    job.refresh_from_db()
    return job


@pytest.fixture
def job() -> Job:
    return make_job(end=FIRST, processors=("PSZA", "PCF"))


def test_pause_resume_and_cancel_say_what_they_did(shell: Shell, job: Job) -> None:
    assert shell("pause", job.pk, "--reason", "lunch") == Answer(0, f"job {job.pk} paused\n", "")
    assert shell("resume", job.pk) == Answer(
        0,
        f"job {job.pk} resumed with 2 runs; no worker is running: start one with bin/up\n",
        "",
    )
    said = f"job {job.pk} (cancelled): 2 queued runs dropped, 0 running to finish\n"
    assert shell("cancel", job.pk) == Answer(0, said, "")
    assert ("queued → pausing", "lunch") in job_events(job)


def test_while_a_step_runs_they_say_what_is_still_to_come(shell: Shell, job: Job) -> None:
    claimed(job)
    assert shell("pause", job.pk).out == f"job {job.pk} pauses after its running steps\n"
    assert (
        shell("cancel", job.pk, "--dry-run").out
        == f"job {job.pk} (pausing): 1 queued run dropped, 1 running to finish\n"
    )
    assert shell("cancel", job.pk, "--json").document == {
        "job": job.pk, "status": "cancelling", "dropped": 1, "finishing": 1, "stopped": 0,
        "warehouse_jobs": [], "warehouse_jobs_running": [], "warehouse_error": ""
    }  # fmt: skip
    forced = shell("cancel", job.pk, "--force").out
    assert (
        forced
        == f"job {job.pk} (cancelled): 0 queued runs dropped, 0 running to finish, 1 force cancelled\n"
    )


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(
    shell: Shell, verb: str, job: Job
) -> None:
    run_all(job)
    events = Event.objects.count()
    answer = shell(verb, job.pk)
    assert (answer.code, answer.out, len(answer.err.splitlines())) == (2, "", 1)
    assert answer.err.startswith(f"job {job.pk} has ended (succeeded) and cannot be ")
    assert Event.objects.count() == events


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "jobs"])
@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("99", "job 99 does not exist; `manage.py jobs` lists the jobs"),
        ("-1", "job -1 does not exist; `manage.py jobs` lists the jobs"),
    ],
)
def test_a_job_that_is_not_there_is_said(
    shell: Shell, verb: str, number: str, sentence: str
) -> None:
    assert shell(verb, "--", number) == Answer(2, "", f"{sentence}\n")


def test_a_job_is_a_number(shell: Shell) -> None:
    answer = shell("pause", "all")
    assert (answer.code, answer.out, len(answer.err.splitlines())) == (2, "", 1)
    assert "'all' is not a whole number" in answer.err


def test_caps_change_for_a_job_and_for_all(shell: Shell, job: Job) -> None:
    assert (
        shell("limit_batches", 3, "--job", job.pk).out == f"concurrency limit of job {job.pk}: 3\n"
    )
    assert (
        shell("limit_batches", 4, "--reason", "more memory").out
        == "concurrency limit of all jobs together: 4\n"
    )
    job.refresh_from_db()
    assert (job.max_in_flight, Limits.current().max_parallel_batches) == (3, 4)
    assert shell("limit_batches", 0) == Answer(
        2, "", "the concurrency limit must be 1 to 64, not 0\n"
    )


def test_a_job_under_way_shows_how_far_it_is_and_why_it_waits(shell: Shell, job: Job) -> None:
    answer = shell("jobs", job.pk)
    assert answer.code == 0
    assert answer.out.splitlines()[-2:] == [
        "0 of 2 runs ended",
        f"1 batch waiting ({FIRST}): no worker is running; start workers with bin/up",
    ]
    progress = shell("jobs", job.pk, "--json").document["progress"]
    assert (progress["total"], progress["counts"], progress["time_left"]) == (
        2,
        {"pending": 2},
        None,
    )


def test_the_list_counts_runs_without_loading_them(shell: Shell, job: Job) -> None:
    run_all(job)
    (line,) = shell("jobs", "--json").document["jobs"]
    assert (line["status"], line["runs"]) == ("succeeded", "2 complete")


def test_the_workers_are_listed(shell: Shell) -> None:
    assert shell("workers").out.splitlines()[0] == "no worker is running; start workers with bin/up"
    make_worker(claims=["x"])
    (found,) = shell("workers", "--json").document["workers"]
    assert (found["alive"], found["steps"]) == (True, 1)
    Worker.objects.all().delete()


def test_every_run_of_a_date_can_be_read_with_its_attempts(shell: Shell, job: Job) -> None:
    assert shell("runs", FIRST, "--processor", "ML") == Answer(0, f"no runs for {FIRST} yet\n", "")
    run_all(job)
    again = run_all(make_job(end=FIRST, processors=("PSZA",), force=True))
    found = shell("runs", FIRST, "--json").document["runs"]
    assert [(r["job"], r["processor"], r["status"]) for r in found] == [
        (job.pk, "PSZA", "complete"), (job.pk, "PCF", "complete"), (again.pk, "PSZA", "complete")
    ]  # fmt: skip
    assert [e["what"] for e in found[0]["events"]] == ["pending → running", "running → complete"]
    assert [c["name"] for c in found[0]["checks"]] == [
        "defensive",
        "freshness",
        "completeness",
        "trigger",
    ]
    said = shell("runs", FIRST, "--processor", "PCF").out
    assert "running → complete by worker" in said
    assert "  defensive: skipped in 0.000 s: " in said


def test_a_paused_job_says_why(shell: Shell, job: Job) -> None:
    shell("pause", job.pk, "--reason", "lunch")
    said = shell("jobs", job.pk).out.splitlines()
    assert said[0] == f"job {job.pk} paused: lunch"
    hint = f"`manage.py resume {job.pk}` resumes it; add --no-pause-on-error to continue past bugs; `manage.py cancel {job.pk}` cancels it"
    assert hint in said


def test_old_command_names_warn_and_keep_working(shell: Shell) -> None:
    assert shell("cap", 3, "--json") == Answer(
        0, '{"job": null, "batches": 3}\n', "`cap` is deprecated; use `limit_batches`\n"
    )
    assert shell("prepare", "--json") == Answer(
        0, '{"applied": []}\n', "`prepare` is deprecated; use `migrate_locked`\n"
    )
