"""Jobs: list, start, retry, pause, resume, cancel and limit them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import Count, F
from django.http import Http404, HttpRequest
from django.utils.timezone import now
from ninja import Router, Status

from backfill.documents.plan import plan_document
from backfill.documents.retry import retry_document
from backfill.jobs.launches import launch_backfill
from backfill.jobs.lifecycle import (
    cancel_job,
    change_limit,
    dropped_and_finishing,
    pause_job,
    resume_job,
)
from backfill.jobs.resumption import resumption
from backfill.jobs.retry import preview_retry as preview_retry_plan
from backfill.jobs.retry import retry_job
from backfill.jobs.start import preview_job
from backfill.models import Event, Job, Launch, Run
from backfill.plan import signed_plan
from backfill.plan.options import MAX_PARALLEL
from backfill.plan.shell_command import command
from backfill.status.job_summary import summarize
from backfill.status.progress import progress
from webapp.api.auth import actor, admins, operators
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
    confirming,
    options_of,
    selection_of,
)
from webapp.ui.query_params import one_of

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
    """Return the job with this number. Raises Http404."""
    if job := Job.objects.filter(pk=number).first():
        return job
    raise Http404(f"job {number} does not exist")


# Reading


@router.get("/jobs", summary="List jobs")
def jobs(request: HttpRequest, status: str = "", before: int = 0, limit: Limit = 20) -> Document:
    """Return the latest jobs; `before` pages back by job number, `status` filters."""
    one_of(status, "status of a job", Job.Status.values)
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
        "undo_of": job.undo_of_id,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    }


@router.post("/jobs/preview", summary="Preview a backfill")
def preview(request: HttpRequest, given: OptionsIn) -> Document:
    """Return the plan, its blockers and its shell command.

    Send `sealed` as `previewed` when you start it: the start is refused if the plan has changed.
    """
    found = preview_job(options_of(given))
    return {
        **plan_document(found),
        "would_start": found.would_start,
        "command": command(found.plan.options),
        "sealed": signed_plan.seal(found.plan),
    }


@router.get("/jobs/{number}", summary="Get a job")
def job(request: HttpRequest, number: int) -> Document:
    """Return a job with its figures, error groups, findings and next actions."""
    return summarize(job_of(number))


@router.get("/jobs/{number}/progress", summary="Get the progress of a job")
def job_progress(request: HttpRequest, number: int) -> Document:
    """Return counts, rate, time left and the reason of each waiting batch."""
    return progress(job_of(number), now()).as_json()


@router.get("/jobs/{number}/events", summary="List the events of a job")
def events(
    request: HttpRequest, number: int, after: int = 0, runs: bool = False, limit: Limit = 1000
) -> Document:
    """Return events, oldest first; `after` pages by event number, `runs` includes events of runs."""
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


@router.get("/jobs/{number}/report", summary="Get a job with its runs")
def report(request: HttpRequest, number: int) -> Document:
    """Return a job with its figures, every run and the events of the job."""
    found = job_of(number)
    events = [_event(event) for event in found.events.filter(run=None).order_by("pk")]
    runs = found.runs.order_by("date", "pk").values(*RUN_FIELDS, why=F("reason"))
    return {**summarize(found), "runs": list(runs), "events": events}


# Starting


@router.post(
    "/jobs",
    auth=operators("start"),
    response={201: dict, 202: dict, 200: dict},
    summary="Start a backfill",
)
def start(request: HttpRequest, given: StartIn) -> Status[Document]:
    """Start a backfill: 201 with the job, 202 with a scheduled launch or one awaiting approval.

    Returns 200 without a job if every run is complete.
    """
    sent = given.model_dump(include={"previewed", "start_at"})
    exempt = bool(getattr(request.user, "may_administer", False))
    made = launch_backfill(
        options_of(given), actor(request), exempt=exempt, confirm=confirming(given), **sent
    )
    if made is None:
        return Status(200, {"job": None, "detail": "everything is complete"})
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


@router.post("/jobs/{number}/retry/preview", summary="Preview a retry")
def preview_retry(request: HttpRequest, number: int, given: SelectionIn) -> Document:
    """Return the runs of a retry and the excluded failures, each with its reason."""
    found = preview_retry_plan(job_of(number), selection_of(given))
    return {**retry_document(found), "would_start": found.would_start}


@router.post(
    "/jobs/{number}/retry",
    auth=operators("retry"),
    response={201: dict},
    summary="Retry failed runs",
)
def retry(request: HttpRequest, number: int, given: RetryIn) -> Status[Document]:
    """Retry failed runs with the options of the job."""
    reason = given.model_dump()["reason"]
    made = retry_job(
        job_of(number), selection_of(given), actor(request), reason, confirm=confirming(given)
    )
    return Status(201, {"job": made.pk, "status": made.status, "retry_of": number})


# Changing


@router.post("/jobs/{number}/pause", auth=operators("pause"), summary="Pause a job")
def pause(request: HttpRequest, number: int, given: ReasonIn) -> Document:
    """Let running steps finish and start no others."""
    return _state(pause_job(job_of(number), actor(request), given.reason))


@router.post("/jobs/{number}/resume", auth=operators("resume"), summary="Resume a job")
def resume(request: HttpRequest, number: int, given: ResumeIn) -> Document:
    """Run the remaining runs of a paused or cancelled job."""
    found = job_of(number)
    effect = resumption(found)
    resumed = resume_job(found, actor(request), given.reason, brake=given.brake)
    return {**_state(resumed), **asdict(effect)}


@router.get("/jobs/{number}/resume", summary="Preview a resume")
def resuming(request: HttpRequest, number: int) -> Document:
    """Return the number of runs to execute, on bootstrap dates, and already complete."""
    found = job_of(number)
    return {**_state(found), **asdict(resumption(found))}


@router.get("/jobs/{number}/cancel", summary="Preview a cancellation")
def cancelling(request: HttpRequest, number: int) -> Document:
    """Return the number of runs to drop and to finish."""
    found = job_of(number)
    return {**_state(found), **asdict(dropped_and_finishing(found))}


@router.post("/jobs/{number}/cancel", auth=operators("cancel"), summary="Cancel a job")
def cancel(request: HttpRequest, number: int, given: CancelIn) -> Document:
    """Drop queued runs; `force` also stops running ones."""
    done = cancel_job(job_of(number), actor(request), given.reason, force=given.force)
    return {**_state(job_of(number)), **asdict(done)}


@router.post(
    "/jobs/{number}/limit",
    auth=operators("limit"),
    summary="Change the concurrency limit of a job",
    description=f"1 to {MAX_PARALLEL} batches of the job in flight.",
)
def limit_job(request: HttpRequest, number: int, given: LimitIn) -> Document:
    """Change the maximum number of batches of a job in flight."""
    change_limit(given.batches, actor(request), given.reason, job=job_of(number))
    return {"job": number, "batches": given.batches}


@router.post(
    "/limit",
    auth=admins("limit"),
    summary="Change the concurrency limit of all jobs",
    description=f"1 to {MAX_PARALLEL} batches of all jobs together in flight.",
)
def limit_all(request: HttpRequest, given: LimitIn) -> Document:
    """Change the maximum number of batches of all jobs in flight."""
    change_limit(given.batches, actor(request), given.reason)
    return {"job": None, "batches": given.batches}


# Paths of the previous release, kept for one more.
for old, new, auth, operation in (
    ("/jobs/{number}/cap", "/jobs/{number}/limit", operators("limit"), limit_job),
    ("/cap", "/limit", admins("limit"), limit_all),
):
    router.post(
        old,
        auth=auth,
        deprecated=True,
        operation_id=f"deprecated_{operation.__name__}",
        summary=f"Deprecated path of {new}",
        description=f"Use `{new}`.",
    )(operation)


def _state(job: Job) -> Document:
    return {"job": job.pk, "status": job.status}
