"""Title of a tab: state and progress of its job or run before the name."""

from __future__ import annotations

from django.db.models import Count

from backfill.models import Job, Run

JOBS = {Job.Status.SUCCEEDED: "✓", Job.Status.FAILED: "✖", Job.Status.CANCELLED: "■"}
RUNS = {
    Run.Status.RUNNING: "▶ ",
    Run.Status.COMPLETE: "✓ ",
    Run.Status.FAILED: "✖ ",
    Run.Status.BLOCKED: "✖ ",
    Run.Status.CANCELLED: "■ ",
}


def of_job(job: Job, ended: int, total: int) -> str:
    """Return `▶ 62 % · Job 5` while the job is active, `⚠ Job 5 paused`, `✓ Job 5`."""
    if job.status == Job.Status.PAUSED:
        return f"⚠ Job {job.pk} paused"
    if job.status in Job.ENDED:
        return f"{JOBS[Job.Status(job.status)]} Job {job.pk}"
    return f"▶ {100 * ended // total if total else 0} % · Job {job.pk}"


def read(job: Job) -> str:
    """Return the title of a job whose progress is not known yet."""
    if job.status in Job.STOPPED:
        return of_job(job, 0, 0)
    counts = dict(job.runs.own().values_list("status").annotate(n=Count("pk")).order_by())
    total, active = sum(counts.values()), sum(counts.get(status, 0) for status in Run.ACTIVE)
    return of_job(job, total - active, total)


def of_run(run: Run) -> str:
    """Return `▶ PSZA 2021-11-22 · Job 5`."""
    return f"{RUNS.get(Run.Status(run.status), '')}{run.processor} {run.date} · Job {run.job_id}"
