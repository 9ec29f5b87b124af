"""A step: one processor over one batch. Claim, judge, check, execute, record; then let its batch
and job go on.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from random import random
from uuid import uuid4

from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import F
from django.utils.timezone import now

from backfill import logs
from backfill.crash_points import crash_point
from backfill.errors import Superseded, WarehouseError, WarehouseUnwritable
from backfill.execution import backoff, dispatch, execute, heartbeat, live_checks
from backfill.execution.claims import Attempt, claim_step
from backfill.execution.live_checks import LiveRun
from backfill.execution.record import apply, record
from backfill.models import Batch, EventCause, Job, Run, SkipReason
from backfill.plan import input_signatures
from backfill.processors.registry import PROCESSORS
from backfill.warehouse import warehouse
from validation.season import Calendar, DateType, season_year

log = logging.getLogger(__name__)


def run_step(batch: Batch, code: str, calendar: Calendar, actor: str) -> list[Run]:
    """Run what is pending of one processor in one batch; return the runs that ended.

    `batch` carries the lease under which it was sent; with an older one than the row has, nothing
    happens.
    """
    claim = uuid4().hex
    with logs.about(job=batch.job_id, batch=batch.number, processor=code):
        with heartbeat.holding(claim):
            attempt = claim_step(batch, code, claim, actor)
            ended = _logged_run(attempt, calendar) if attempt else []
        dispatch.finish_step(batch, batch.lease)
    return ended


def _logged_run(attempt: Attempt, calendar: Calendar) -> list[Run]:
    with logs.about(runs=[run.run_id for run in attempt.runs]):
        ended = _run(attempt, calendar)
        counts = Counter(run.status for run in ended)
        said = ", ".join(f"{n} {status}" for status, n in counts.items()) or "nothing"
        log.info(
            "%s of %s: %s in %.2f s",
            attempt.code,
            attempt.batch,
            said,
            (now() - attempt.started_at).total_seconds(),
        )
    return ended


def _run(attempt: Attempt, calendar: Calendar) -> list[Run]:
    """The unit's boundary: whatever goes wrong ends in the rows, unless the rows cannot be written."""
    crash_point("after-claim")
    try:
        with warehouse().working(attempt.work()):
            _execute(attempt, calendar)
            return record(attempt)
    except DatabaseError:
        raise  # nothing can be recorded; the claim lapses with this attempt, and the sweep puts the runs back
    except Superseded:
        log.warning(
            "%s: %s of %s was taken back meanwhile", attempt.job, attempt.code, attempt.batch
        )
        return []
    except WarehouseUnwritable as error:
        _pause(attempt, error)
        return []
    except WarehouseError as error:
        refused = _try_later(attempt, error) if error.retryable else error
        return _fail(attempt, calendar, refused) if refused else []
    except Exception as error:
        log.exception("%s: %s of %s broke", attempt.job, attempt.code, attempt.batch)
        return _fail(attempt, calendar, error)


def _execute(attempt: Attempt, calendar: Calendar) -> None:
    """Settle every run of the attempt: those that are not executed first, then the others in one
    statement.
    """
    blocked = _blocked(attempt)
    for run in attempt.runs:
        _judge(attempt.job, run, calendar, blocked)
    if skipped := [r for r in attempt.runs if r.status == Run.Status.SKIPPED]:
        attempt.check_held()
        execute.empty(warehouse(), attempt.step(skipped, calendar))
    _note_inputs(attempt.running())
    warnings = (
        {} if attempt.job.parsed_options.backfill_mode else _check_live(attempt.running(), calendar)
    )
    if executed := attempt.running():
        noted = " ".join(run.input_signature for run in executed)
        with warehouse().working(attempt.work(noted)):
            outcomes = execute.execute(
                warehouse(), attempt.step(executed, calendar), attempt.check_held
            )
        for run, outcome in zip(executed, outcomes, strict=True):
            apply(run, outcome, warnings.get(run.date, ""))


def _note_inputs(runs: Sequence[Run]) -> None:
    """Note what the runs may read. Before they do: what is loaded in between makes them look stale,
    never fresh.
    """
    noted = input_signatures.signatures((run.processor, run.date) for run in runs)
    for run in runs:
        run.input_signature = noted[run.processor, run.date]


def _blocked(attempt: Attempt) -> dict[date, Run]:
    """Dates on which an upstream processor of this job left no output to build on.

    An empty population does not block: every processor finds and says it for itself.
    """
    of_batch = Run.objects.filter(
        job=attempt.job, batch=attempt.batch.number, processor__in=PROCESSORS[attempt.code].after
    )
    broken = of_batch.filter(status__in=(Run.Status.FAILED, Run.Status.BLOCKED)).exclude(
        population=0
    )
    return {run.date: run for run in broken.order_by("-pk")}


def _judge(job: Job, run: Run, calendar: Calendar, blocked: dict[date, Run]) -> None:
    """Settle the runs that are not executed: bootstrap dates, and dates whose upstream failed."""
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


def _check_live(runs: Sequence[Run], calendar: Calendar) -> dict[date, str]:
    """Refuse the runs that normal mode's checks do not let start; return the warnings about the
    others.
    """
    warnings = {}
    for run in runs:
        start = calendar.starts[season_year(run.date)]
        live = LiveRun(
            PROCESSORS[run.processor],
            run.date,
            start,
            calendar.previous(run.date),
            run.started_at or now(),
        )
        verdict = live_checks.check(warehouse(), live)
        run.checks = list(verdict.checks)
        if verdict.refusal:
            run.status, run.reason = Run.Status.FAILED, verdict.refusal
            run.refused_by, run.error_detail = verdict.refused_by, dict(verdict.detail)
            live_checks.refuse(warehouse(), live, run.run_id, verdict.refusal)
        elif verdict.warning:
            warnings[run.date] = verdict.warning
    return warnings


def _fail(attempt: Attempt, calendar: Calendar, error: Exception) -> list[Run]:
    """Every date that is not settled fails with the error; the other ones have ended as they did."""
    if runs := attempt.running():
        for run, outcome in zip(
            runs, execute.failed(attempt.step(runs, calendar), error), strict=True
        ):
            apply(run, outcome)
    try:
        return record(attempt)
    except Superseded:
        return []
    except (
        WarehouseError
    ) as also:  # not even the history can be written: nothing is recorded, and a person has to look
        _pause(attempt, also)
        return []


def _try_later(attempt: Attempt, error: WarehouseError) -> WarehouseError | None:
    """Give the step back until the warehouse may be less busy; return the error when it has been
    tried often enough.
    """
    if not attempt.held.exists():
        return None  # it was stopped in the warehouse because it was taken back here
    with transaction.atomic():
        job, batch = Job.locked(attempt.job.pk), Batch.objects.get(pk=attempt.batch.pk)
        budget = job.parsed_options.max_retries
        if ended := backoff.may_retry(batch.retries, job.retries, budget):
            return type(error)(f"{error} ({ended})")
        seconds = backoff.delay_seconds(batch.retries, random())
        reason = f"retry {batch.retries + 1} of {backoff.MAX_TRIES} in {seconds:.1f} s: {type(error).__name__}: {error}"
        dispatch.requeue(
            job, attempt.held, actor=attempt.actor, reason=reason, cause=EventCause.RETRY
        )
        Job.objects.filter(pk=job.pk).update(retries=F("retries") + 1)
        if batch.lease == attempt.batch.lease:
            batch.retries += 1
            batch.give_back(reason, now() + timedelta(seconds=seconds))
    return None


def _pause(attempt: Attempt, error: Exception) -> None:
    """No date can be written now: the job pauses and goes on, when there is room again, where it
    stopped.
    """
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
