"""Jobs: what there are, and every change that a person can ask for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import Count, F
from django.http import Http404, HttpRequest
from django.utils.timezone import now
from ninja import Router, Status

from backfill.documents.job import plan_document
from backfill.documents.retry import retry_document
from backfill.jobs.launches import launch_backfill
from backfill.jobs.lifecycle import (
    cancel_job,
    change_limit,
    dropped_and_finishing,
    pause_job,
    resume_job,
)
from backfill.jobs.retry import preview_retry as preview_retry_plan
from backfill.jobs.retry import retry_job
from backfill.jobs.start import preview_job
from backfill.models import Event, Job, Launch, Run
from backfill.plan import signed_plan
from backfill.plan.options import MAX_PARALLEL
from backfill.plan.shell_command import command
from backfill.status.job_summary import summarise
from backfill.status.progress import progress
from webapp.api.auth import ADMINS, OPERATORS, actor
from webapp.api.schemas import (
    CancelIn,
    Limit,
    LimitIn,
    OptionsIn,
    ReasonIn,
    ResumeIn,
    RetryIn,
    SelectionIn,
    StartIn,
    options_of,
    selection_of,
)

router = Router(tags=["jobs"])
Document = dict[str, Any]
RUN_FIELDS = (
    "processor",
    "date",
    "batch",
    "status",
    "error",
    "run_id",
    "population",
    "rows",
    "failures",
    "query_seconds",
    "write_seconds",
    "started_at",
    "finished_at",
)


def job_of(number: int) -> Job:
    """The job of this number. Raises Http404."""
    if job := Job.objects.filter(pk=number).first():
        return job
    raise Http404(f"there is no job {number}")


# Reading


@router.get("/jobs", summary="The newest jobs")
def jobs(request: HttpRequest, status: str = "", before: int = 0, limit: Limit = 20) -> Document:
    """Those before a number, and of one status, where these are given."""
    found = Job.objects.order_by("-pk")
    found = found.filter(status=status) if status else found
    shown = list((found.filter(pk__lt=before) if before else found)[:limit])
    counts: dict[int, dict[str, int]] = {job.pk: {} for job in shown}
    for pk, state, n in (
        Run.objects.filter(job__in=shown).values_list("job", "status").annotate(n=Count("pk"))
    ):
        counts[pk][state] = n
    return {"jobs": [_line(job, counts[job.pk]) for job in shown]}


def _line(job: Job, runs: dict[str, int]) -> Document:
    return {
        "job": job.pk,
        "status": job.status,
        "options": job.in_force,
        "runs": runs,
        "who": job.actor,
        "why": job.reason,
        "retry_of": job.retry_of_id,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    }


@router.post("/jobs/preview", summary="What starting would do")
def preview(request: HttpRequest, given: OptionsIn) -> Document:
    """The very runs, what speaks against them, the shell's command, and the plan sealed, to be sent
    with the start.
    """
    found = preview_job(options_of(given))
    return {
        **plan_document(found),
        "would_start": found.would_start,
        "command": command(found.plan.options),
        "sealed": signed_plan.seal(found.plan),
    }


@router.get("/jobs/{number}", summary="One job")
def job(request: HttpRequest, number: int) -> Document:
    """Its figures, problems, error groups and findings, and what to look at next."""
    return summarise(job_of(number))


@router.get("/jobs/{number}/progress", summary="How far a job is")
def job_progress(request: HttpRequest, number: int) -> Document:
    """Counts, rate, time left, and why what waits waits."""
    return progress(job_of(number), now()).as_json()


@router.get("/jobs/{number}/events", summary="What happened to a job")
def events(
    request: HttpRequest, number: int, after: int = 0, runs: bool = False, limit: Limit = 1000
) -> Document:
    """Its own events, with `runs` those of its runs too, after a number, the oldest first."""
    found = job_of(number).events.filter(pk__gt=after).select_related("run").order_by("pk")
    return {
        "events": [_event(event) for event in (found if runs else found.filter(run=None))[:limit]]
    }


def _event(event: Event) -> Document:
    run = event.run
    return {
        "event": event.pk,
        "at": event.at,
        "who": event.actor,
        "what": event.action,
        "why": event.reason,
        "processor": run and run.processor,
        "date": run and run.date,
    }


@router.get("/jobs/{number}/report", summary="A job, run by run")
def report(request: HttpRequest, number: int) -> Document:
    """Its figures, every run, and its own events."""
    found = job_of(number)
    told = [_event(event) for event in found.events.filter(run=None).order_by("pk")]
    runs = found.runs.order_by("date", "pk").values(*RUN_FIELDS, why=F("reason"))
    return {**summarise(found), "runs": list(runs), "events": told}


# Starting


@router.post(
    "/jobs", auth=OPERATORS, response={201: dict, 202: dict, 200: dict}, summary="Start a backfill"
)
def start(request: HttpRequest, given: StartIn) -> Status[Document]:
    """201 with the job; 202 with the launch that waits for its time or for a second person; 200
    when all is complete.
    """
    sent = given.model_dump(include={"previewed", "start_at"})
    exempt = bool(getattr(request.user, "may_administer", False))
    made = launch_backfill(options_of(given), actor(request), exempt=exempt, **sent)
    if made is None:
        return Status(200, {"job": None, "detail": "everything is complete already"})
    if isinstance(made, Launch):
        return Status(
            202,
            {
                "job": None,
                "launch": made.pk,
                "detail": made.needs_approval or f"starts at {made.start_at}",
            },
        )
    return Status(201, {"job": made.pk, "status": made.status})


@router.post("/jobs/{number}/retry/preview", summary="What a retry would run")
def preview_retry(request: HttpRequest, number: int, given: SelectionIn) -> Document:
    """And what it would leave out, each with the reason."""
    found = preview_retry_plan(job_of(number), selection_of(given))
    return {**retry_document(found), "would_start": found.would_start}


@router.post(
    "/jobs/{number}/retry", auth=OPERATORS, response={201: dict}, summary="Retry what failed"
)
def retry(request: HttpRequest, number: int, given: RetryIn) -> Status[Document]:
    """Under the options that the job had."""
    reason = given.model_dump()["reason"]
    made = retry_job(job_of(number), selection_of(given), actor(request), reason)
    return Status(201, {"job": made.pk, "status": made.status, "retry_of": number})


# Changing


@router.post("/jobs/{number}/pause", auth=OPERATORS, summary="Pause")
def pause(request: HttpRequest, number: int, given: ReasonIn) -> Document:
    """Let the steps that run finish, and start no other."""
    return _state(pause_job(job_of(number), actor(request), given.reason))


@router.post("/jobs/{number}/resume", auth=OPERATORS, summary="Resume")
def resume(request: HttpRequest, number: int, given: ResumeIn) -> Document:
    """Go on with what is left of a paused or cancelled job."""
    return _state(resume_job(job_of(number), actor(request), given.reason, brake=given.brake))


@router.get("/jobs/{number}/cancel", summary="What cancelling would do")
def cancelling(request: HttpRequest, number: int) -> Document:
    """How many runs would be dropped, and how many would finish."""
    found = job_of(number)
    return {**_state(found), **asdict(dropped_and_finishing(found))}


@router.post("/jobs/{number}/cancel", auth=OPERATORS, summary="Cancel")
def cancel(request: HttpRequest, number: int, given: CancelIn) -> Document:
    """Drop what has not started; with `force` also what runs."""
    done = cancel_job(job_of(number), actor(request), given.reason, force=given.force)
    return {**_state(job_of(number)), **asdict(done)}


@router.post("/jobs/{number}/cap", auth=OPERATORS, summary="Change the cap of a job")
def cap(request: HttpRequest, number: int, given: LimitIn) -> Document:
    """How many of its batches may be in flight."""
    change_limit(given.batches, actor(request), given.reason, job=job_of(number))
    return {"job": number, "batches": given.batches}


@router.post(
    "/cap",
    auth=ADMINS,
    summary="Change the cap of all jobs",
    description=f"1 to {MAX_PARALLEL} batches in flight.",
)
def cap_of_all(request: HttpRequest, given: LimitIn) -> Document:
    """How many batches of all jobs together may be in flight."""
    change_limit(given.batches, actor(request), given.reason)
    return {"job": None, "batches": given.batches}


def _state(job: Job) -> Document:
    return {"job": job.pk, "status": job.status}
