"""Steps: claim, settle, check, execute and record one processor over one batch."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date, timedelta
from functools import partial
from random import random
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import F
from django.utils.timezone import now

from backfill import backoff, logs
from backfill.crash_points import crash_point
from backfill.errors import (
    SeasonReloaded,
    Superseded,
    UnreadableInput,
    WarehouseBusy,
    WarehouseClosed,
    WarehouseError,
    WarehouseUnwritable,
)
from backfill.execution import (
    dispatch,
    execute,
    heartbeat,
    history,
    live_checks,
    measuring,
    step_log,
)
from backfill.execution.claims import Attempt, claim_step
from backfill.execution.execute import DateResult
from backfill.execution.live_checks import LiveRun
from backfill.execution.overwritten import mark_overwritten
from backfill.execution.record import apply, record
from backfill.execution.unplanned import cancel_unplanned
from backfill.models import SYSTEM, Batch, EventCause, Job, Run, SkipReason
from backfill.plan import input_signatures
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import season_year
from backfill.telemetry import lineage, tracing
from backfill.telemetry.log_lines import timed
from backfill.telemetry.spans import Attributes
from backfill.warehouse import warehouse
from validation.season import Calendar, DateType

if TYPE_CHECKING:
    from opentelemetry.trace import Span

log = logging.getLogger(__name__)
MAX_RELOADS = 5


def run_step(batch: Batch, code: str, calendar: Calendar, actor: str) -> list[Run]:
    """Run the pending runs of one processor in one batch; return the ended runs.

    `batch` carries the lease of its message; nothing runs with an expired lease.
    """
    claim = uuid4().hex
    ids = {"job": batch.job_id, "batch": batch.number, "processor": code}
    with logs.about(**ids, request=batch.job.request_id):
        _cancel_unplanned(batch, code, calendar)
        with heartbeat.holding(claim):
            attempt = claim_step(batch, code, claim, actor)
            ended = _logged_run(attempt, calendar) if attempt else []
        dispatch.finish_step(batch, batch.lease)
    return ended


def _cancel_unplanned(batch: Batch, code: str, calendar: Calendar) -> None:
    runs = Run.objects.filter(job=batch.job_id, batch=batch.number, processor=code)
    live = not batch.job.parsed_options.backfill_mode
    cancel_unplanned(runs, calendar, live=live, actor=SYSTEM)


def _logged_run(attempt: Attempt, calendar: Calendar) -> list[Run]:
    about = logs.about(runs=[run.run_id for run in attempt.runs])
    with _traced(attempt) as span, about, step_log.keeping(attempt):
        began = time.monotonic()
        ended = _run(attempt, calendar)
        step_log.note_outcomes(attempt)
        seconds = time.monotonic() - began
        measuring.keep_step(attempt, ended, seconds)
        counts = Counter(run.status for run in ended)
        summary = ", ".join(f"{n} {status}" for status, n in counts.items()) or "no runs ended"
        log.info(
            "%s of %s: %s in %.2f s",
            attempt.code,
            attempt.batch,
            summary,
            seconds,
        )
        lineage.ended(attempt.job, ended)
        if failed := [run.reason for run in ended if run.status == Run.Status.FAILED]:
            tracing.fail(span, failed[0])
    return ended


def _traced(attempt: Attempt) -> AbstractContextManager[Span | None]:
    """Trace a step below its batch. A repeated attempt is one more span there."""
    attributes: Attributes = {
        "backcourt.job": attempt.job.pk,
        "backcourt.batch": attempt.batch.number,
        "backcourt.processor": attempt.code,
        "backcourt.runs": len(attempt.runs),
        "backcourt.first_date": str(attempt.runs[0].date),
        "backcourt.last_date": str(attempt.runs[-1].date),
    }
    context = tracing.child(attempt.job.trace_context, "batch", attempt.batch.number)
    return tracing.span(f"step {attempt.code}", attributes, parent=context or None)


def _run(attempt: Attempt, calendar: Calendar) -> list[Run]:
    """Execute an attempt and record every error in its runs, except database errors."""
    crash_point("after-claim")
    try:
        attempt.retire_earlier()
        with warehouse().working(attempt.work()):
            _execute(attempt, calendar)
            return record(attempt)
    except DatabaseError:
        raise  # nothing can be recorded; the sweep requeues the runs
    except Superseded as lost:
        return _lose_claim(attempt, calendar, lost)
    except (WarehouseUnwritable, UnreadableInput) as error:
        _pause(attempt, error)
        return []
    except WarehouseClosed as error:
        _wait(attempt, error)
        return []
    except WarehouseError as error:
        return _retry_or_fail(attempt, calendar, error)
    except Exception as error:
        log.exception("%s: %s of %s crashed", attempt.job, attempt.code, attempt.batch)
        return _fail(attempt, calendar, error)


def _retry_or_fail(attempt: Attempt, calendar: Calendar, error: WarehouseError) -> list[Run]:
    final = _try_later(attempt, error) if error.retryable else error
    return _fail(attempt, calendar, final) if final else []


def _lose_claim(attempt: Attempt, calendar: Calendar, lost: Superseded) -> list[Run]:
    """Leave the runs to their new owner; mark what this attempt has overwritten as stale.

    If the claim still holds, the database is older than the warehouse: the next attempt gets a
    newer token.
    """
    if lost.fence and attempt.held.update(fence=lost.fence):
        error = WarehouseBusy("the warehouse has newer writes than this database")
        return _retry_or_fail(attempt, calendar, error)
    text = f"{attempt.job}: {attempt.code} of {attempt.batch} lost its claim"
    log.warning("%s; nothing was recorded", text)
    with transaction.atomic():
        tokens = {(run.processor, run.date): max(attempt.tokens, default=0) for run in attempt.runs}
        mark_overwritten(tokens, actor=attempt.actor, reason=text)
    return []


def _execute(attempt: Attempt, calendar: Calendar) -> None:
    """Settle skipped, blocked and refused runs, then execute the others in one statement."""
    blocked = _blocked(attempt)
    for run in attempt.runs:
        _skip_or_block(attempt.job, run, calendar, blocked)
    if skipped := [r for r in attempt.runs if r.status == Run.Status.SKIPPED]:
        attempt.check_held()
        execute.empty(warehouse(), attempt.step(skipped, calendar))
    version = _version(attempt)
    _note_inputs(attempt.running())
    warnings = {} if attempt.job.parsed_options.backfill_mode else _check_live(attempt, calendar)
    lineage.started(attempt.job, [r for r in attempt.runs if r.status != Run.Status.SKIPPED])
    if executed := attempt.running():
        outcomes = _outcomes(attempt, executed, calendar, version)
        for run, outcome in zip(executed, outcomes, strict=True):
            apply(run, outcome, warnings.get(run.date, ""))


def _version(attempt: Attempt) -> str:
    return warehouse().season_version(season_year(attempt.runs[0].date))


def _outcomes(
    attempt: Attempt, executed: Sequence[Run], calendar: Calendar, version: str
) -> list[DateResult]:
    """Execute on one version of the season: a load in between starts the statements over."""

    def before_writing() -> None:
        attempt.check_held()
        if _version(attempt) != version:
            raise SeasonReloaded

    for _ in range(MAX_RELOADS):
        inputs = " ".join(run.input_signature for run in executed)
        try:
            with warehouse().working(attempt.work(inputs)):
                return execute.execute(
                    warehouse(), attempt.step(executed, calendar), before_writing
                )
        except SeasonReloaded:
            version = _version(attempt)
            _note_inputs(executed)
    raise SeasonReloaded(f"the season was loaded {MAX_RELOADS} times during the step")


def _note_inputs(runs: Sequence[Run]) -> None:
    """Store the input signatures before execution, so that a later load makes the runs stale."""
    with timed("input signatures"):
        current = input_signatures.signatures((run.processor, run.date) for run in runs)
    for run in runs:
        run.input_signature = current[run.processor, run.date]


def _blocked(attempt: Attempt) -> dict[date, Run]:
    """Return the dates with a failed or blocked upstream run of this job.

    An empty population does not block, because every processor reports it.
    """
    of_batch = Run.objects.filter(
        job=attempt.job, batch=attempt.batch.number, processor__in=PROCESSORS[attempt.code].after
    )
    broken = of_batch.filter(status__in=(Run.Status.FAILED, Run.Status.BLOCKED)).exclude(
        population=0
    )
    return {run.date: run for run in broken.order_by("-pk")}


def _skip_or_block(job: Job, run: Run, calendar: Calendar, blocked: dict[date, Run]) -> None:
    """Skip a run on a bootstrap date, and block a run whose upstream failed."""
    day = calendar.day(run.date, live=not job.parsed_options.backfill_mode)
    if day.type is DateType.BOOTSTRAP:
        run.status, run.reason, run.skip_reason = (
            Run.Status.SKIPPED,
            day.why_skipped,
            SkipReason.BOOTSTRAP,
        )
    elif cause := blocked.get(run.date):
        run.error_detail = {"blocked_by": cause.processor}
        run.status, run.reason = (
            Run.Status.BLOCKED,
            f"blocked: {cause.processor} {cause.status} for this date: {cause.reason}",
        )


def _check_live(attempt: Attempt, calendar: Calendar) -> dict[date, str]:
    """Refuse runs by the checks of normal mode; return the warnings of the others."""
    warnings = {}
    for run in attempt.running():
        start = calendar.starts[calendar.season_year(run.date)]
        live = LiveRun(
            processor=PROCESSORS[run.processor],
            day=run.date,
            season_start=start,
            previous=calendar.previous(run.date),
            started_at=run.started_at or now(),
        )
        result = history.repaired(attempt.job, partial(live_checks.check, warehouse(), live))
        run.checks = list(result.checks)
        if result.refusal:
            run.status, run.reason = Run.Status.FAILED, result.refusal
            run.refused_by, run.error_detail = result.refused_by, dict(result.detail)
            live_checks.refuse(warehouse(), live, run.run_id, result.refusal)
        elif result.warning:
            warnings[run.date] = result.warning
    return warnings


def _fail(attempt: Attempt, calendar: Calendar, error: Exception) -> list[Run]:
    """Fail every run without an outcome, and record the attempt."""
    if runs := attempt.running():
        for run, outcome in zip(
            runs, execute.failed(attempt.step(runs, calendar), error), strict=True
        ):
            apply(run, outcome)
    try:
        return record(attempt)
    except Superseded:
        return []
    except WarehouseError as also:  # the run history cannot be written either
        _pause(attempt, also)
        return []


def _try_later(attempt: Attempt, error: WarehouseError) -> WarehouseError | None:
    """Requeue the step for an automatic retry; return the error when no retry is left."""
    if not attempt.held.exists():
        return None  # another attempt owns the runs; its claim cancelled this warehouse job
    with transaction.atomic():
        job, batch = Job.locked(attempt.job.pk), Batch.objects.get(pk=attempt.batch.pk)
        budget = job.parsed_options.max_retries
        if ended := backoff.may_retry(batch.retries, job.retries, budget):
            return type(error)(f"{error} ({ended})")
        seconds = backoff.delay_seconds(batch.retries, random())
        reason = (
            f"retry {batch.retries + 1} of {backoff.MAX_TRIES} in {seconds:.1f} s: "
            f"{type(error).__name__}: {error}"
        )
        dispatch.requeue(
            job, attempt.held, actor=attempt.actor, reason=reason, cause=EventCause.RETRY
        )
        Job.objects.filter(pk=job.pk).update(retries=F("retries") + 1)
        if batch.lease == attempt.batch.lease:
            batch.retries += 1
            batch.give_back(reason, now() + timedelta(seconds=seconds))
    measuring.keep_retry(attempt, error)
    return None


def _wait(attempt: Attempt, error: WarehouseClosed) -> None:
    """Requeue the step until the warehouse accepts it, without using up a retry."""
    reason, by = f"{type(error).__name__}: {error}", attempt.actor
    with transaction.atomic():
        job, batch = Job.locked(attempt.job.pk), Batch.objects.get(pk=attempt.batch.pk)
        if not attempt.held.exists():
            return  # another attempt owns the runs
        dispatch.requeue(job, attempt.held, actor=by, reason=reason, cause=EventCause.RETRY)
        if batch.lease == attempt.batch.lease:
            batch.give_back(reason, error.until)
        if error.pauses_job:
            job.transition(
                Job.ACTIVE, Job.Status.PAUSING, actor=by, reason=reason, cause=EventCause.QUOTA
            )


def _pause(attempt: Attempt, error: Exception) -> None:
    """Requeue the runs and pause the job, because no run of the job can succeed now."""
    reason = f"{type(error).__name__}: {error}"
    with transaction.atomic():
        job = Job.locked(attempt.job.pk)
        dispatch.requeue(
            job, attempt.held, actor=attempt.actor, reason=reason, cause=EventCause.ERROR
        )
        job.transition(
            Job.ACTIVE,
            Job.Status.PAUSING,
            actor=attempt.actor,
            reason=reason,
            cause=EventCause.ERROR,
        )
    measuring.keep_pause(attempt, error)
