"""Retry: rerun the current failures of a job that a retry can fix, with the options of the job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from backfill.errors import PlanChanged, Refused
from backfill.jobs.retry_selection import Selection
from backfill.jobs.start import (
    Confirm,
    Preview,
    check_ready,
    confirmed,
    create,
    reclaim_orphaned_jobs,
)
from backfill.models import Job, Key, Run
from backfill.plan import preflight, rerun_policy, signed_plan
from backfill.plan.options import Options
from backfill.plan.planning import PlannedAction, PlannedRun, in_batches
from backfill.plan.preflight import conflict_message
from backfill.process_id import this_process
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.season_calendar import check_loaded, load_calendar
from backfill.status.error_groups import has_errors
from backfill.status.failures import Failure, JobFailures
from backfill.warehouse import writable_warehouse
from validation.findings.kinds import pluralize
from validation.processor_rules import downstream
from validation.retry import RetryClass
from validation.season import Calendar, DateType

HEALED = "healed"  # published as the `retry` of a failure left out
FIXED = "fixed"
OVERRIDE = "override with --override --reason TEXT"
HINTS = {RetryClass.AFTER_FIX: OVERRIDE}


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Failure outside a retry, with the reason. `retry` is its retry class, or HEALED if fixed."""

    processor: str
    date: date
    what: str
    entities: int
    retry: str
    reason: str
    # The reason without the option that overrides it.
    because: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class RetryPlan(Preview):
    """Plan of a retry: its runs with their reasons, the failures left out, and the preflight."""

    job: int
    left_out: tuple[LeftOut, ...]
    of_others: int = 0  # stale and downstream runs of (processor, date) outside the job
    # Current runs of the job with errors, whatever the selection.
    with_errors: Mapping[Key, Run] = field(default_factory=dict, repr=False, compare=False)


def preview_retry(job: Job, selection: Selection) -> RetryPlan:
    """Plan the runs of a retry.

    Raises Refused while the job is unfinished, and for a selection that it does not have.
    """
    job.refresh_from_db()
    if job.status not in Job.ENDED:
        raise Refused(f"job {job.pk} is {job.status}; wait until it ends, or cancel it")
    if job.restores:
        raise Refused(f"job {job.pk} restored versions; undo again, or start a backfill")
    options = replace(job.parsed_options, cells="")  # downstream runs can be other cells
    check_loaded(options)
    standing, calendar = JobFailures(job), load_calendar()
    selection.check_categories(job, standing)
    keys = selection.keys(job, standing, calendar)
    failures = selection.chosen(standing.failures(keys), job, standing)
    complete = {
        key for key, run in standing.newest.items() if run.status == Run.Status.COMPLETE
    } - standing.lost
    seeds = _seeds(failures, selection)
    stale = _stale(standing, _dates(seeds) | _changed_dates(failures, keys, selection))
    options, of_job = _with_processors(options, stale), options.processors
    chain = [
        run
        for run in _in_chain(stale | seeds, options, calendar)
        if run.processor in of_job or run.key in standing.newest
    ]
    runs = [
        replace(run, overwrites=run.action is PlannedAction.RUN and run.key in complete)
        for run in chain
    ]
    days = [
        calendar.day(day, live=not options.backfill_mode) for day in sorted({r.date for r in runs})
    ]
    planned = in_batches(options, days, runs)
    left_out = (
        *_left_out(failures, {r.key for r in runs}, selection),
        *_fixed_elsewhere(standing, keys, selection),
    )
    of_others = sum(run.key not in standing.own for run in runs)
    return RetryPlan(
        plan=planned,
        report=preflight.report(planned, calendar, held=conflict_message(planned)),
        job=job.pk,
        left_out=left_out,
        of_others=of_others,
        with_errors={key: run for key, run in standing.deciding.items() if has_errors(run)},
    )


def retry_job(
    job: Job,
    selection: Selection,
    actor: str,
    reason: str = "",
    *,
    inline: bool = False,
    previewed: str = "",
    confirm: Confirm = confirmed,
) -> Job:
    """Create a retry job with the options and the current pause on error of the original job.

    `previewed` is the signed plan of the preview, `confirm` as for `start_job`. Raises PlanChanged when the plan differs from
    it; Refused without anything to retry, on an unfinished job or a blocked preflight that the job
    did not skip; Conflict when another job holds one of the dates.
    """
    if selection.override and not reason.strip():
        raise Refused("overriding requires a reason; add --reason TEXT")
    writable_warehouse()
    preview = preview_retry(job, selection)
    options, todo = preview.plan.options, preview.plan.todo
    if previewed and (changes := signed_plan.changes_text(previewed, preview.plan)):
        raise PlanChanged(changes)
    if not todo:
        raise Refused(nothing_text(preview))
    check_ready(preview, f"or start a new job; a retry keeps the options of job {job.pk}")
    confirm(preview)
    dates = tuple(preview.plan.dates)
    reclaim_orphaned_jobs(
        replace(options, start=dates[0], end=dates[-1], dates=dates, processors=_processors(todo))
    )
    return create(
        preview.plan,
        actor,
        triggered_by=job.triggered_by,
        owner=this_process() if inline else "",
        overridden=preview.report.overridable,
        retry_of=job,
        reason=reason.strip() or default_reason(job),
        brake=job.brake,
    )


def default_reason(job: Job) -> str:
    """Return the default reason of a retry."""
    return f"retry of {job}"


def _processors(runs: Sequence[PlannedRun]) -> tuple[str, ...]:
    return tuple(code for code in CHAIN if code in {r.processor for r in runs})


# Runs of a retry


def _is_taken(failure: Failure, selection: Selection) -> bool:
    """Return True if the selection retries this failure."""
    match failure.verdict.retry:
        case RetryClass.NOW:
            return True
        case RetryClass.NEVER:
            return selection.include_expected
        case RetryClass.AFTER_FIX:
            return selection.override
    return False  # a failure after upstream runs only downstream of a retried failure


def _seeds(failures: Sequence[Failure], selection: Selection) -> dict[Key, str]:
    """Return the keys of the retried failures, each with its reason."""
    reasons: dict[Key, list[str]] = {}
    for failure in failures:
        if _is_taken(failure, selection):
            reasons.setdefault(failure.key, []).append(
                f"{failure} ({failure.verdict.retry}: {failure.verdict.reason})"
            )
    return {key: "; ".join(texts) for key, texts in reasons.items()}


def _dates(keys: Iterable[Key]) -> set[date]:
    return {day for _, day in keys}


def _changed_dates(
    failures: Sequence[Failure], keys: Collection[Key], selection: Selection
) -> set[date]:
    """Return the selected dates if Phase 3 changed and the selection is not narrowed to a part of
    their failures: then everything that reads the changed rows runs.
    """
    narrowed = selection.processors or selection.categories or selection.groups
    changed = any(f.verdict.is_of_changed_rows and _is_taken(f, selection) for f in failures)
    return _dates(keys) if changed and not narrowed else set()


def _stale(standing: JobFailures, days: Collection[date]) -> dict[Key, str]:
    """Return the stale runs of these dates, of any job, with their reasons: output that a retry
    must not read.
    """
    runs = (run for key, run in standing.newest.items() if key[1] in days)
    found = rerun_policy.stale(runs)
    return {key: f"stale: {why}" for key, why in found.items() if key not in standing.lost}


def _with_processors(options: Options, stale: Collection[Key]) -> Options:
    """Add the processors of stale runs and of everything downstream of them."""
    again = {*options.processors, *downstream([code for code, _ in stale])}
    return replace(options, processors=tuple(code for code in CHAIN if code in again))


def _in_chain(seeds: Mapping[Key, str], options: Options, calendar: Calendar) -> list[PlannedRun]:
    """Return the runs of the seeds, and of everything downstream on the same dates."""
    by_date: dict[date, dict[str, str]] = {}
    for (code, day), reason in seeds.items():
        by_date.setdefault(day, {})[code] = reason
    return [
        run for day in sorted(by_date) for run in _of_date(day, by_date[day], options, calendar)
    ]


def _of_date(
    day: date, seeds: Mapping[str, str], options: Options, calendar: Calendar
) -> Iterator[PlannedRun]:
    planned_day, again = calendar.day(day, live=not options.backfill_mode), set[str]()
    for code in options.processors if planned_day.is_processing else ():
        upstream = [before for before in PROCESSORS[code].after if before in again]
        reasons = [
            *filter(None, [seeds.get(code)]),
            *([_upstream_reason(upstream)] if upstream else []),
        ]
        if planned_day.type is DateType.BOOTSTRAP and code in seeds:
            yield PlannedRun(
                processor=code, date=day, action=PlannedAction.SKIP, reason=planned_day.why_skipped
            )
        elif reasons:
            again.add(code)
            yield PlannedRun(
                processor=code, date=day, action=PlannedAction.RUN, reason="; ".join(reasons)
            )


def _upstream_reason(upstream: Sequence[str]) -> str:
    if len(upstream) == 1:
        return f"upstream {upstream[0]} reruns"
    return f"upstream {', '.join(upstream[:-1])} and {upstream[-1]} rerun"


# Failures left out


def _left_out(
    failures: Sequence[Failure], running: set[Key], selection: Selection
) -> Iterator[LeftOut]:
    for failure in failures:
        if failure.key not in running:
            retry, taken = failure.verdict.retry, _is_taken(failure, selection)
            because = "its date no longer has games" if taken else failure.verdict.reason
            reason = f"{because}; {HINTS[retry]}" if retry in HINTS and not taken else because
            yield LeftOut(
                processor=failure.processor,
                date=failure.date,
                what=failure.what,
                entities=failure.entities,
                retry=retry,
                reason=reason,
                because=because,
            )


def _fixed_elsewhere(
    standing: JobFailures, keys: set[Key], selection: Selection
) -> Iterator[LeftOut]:
    """Yield the job's failures that another job fixed; error groups have current failures only."""
    for run, what, now in standing.healed():
        if (
            (run.processor, run.date) in keys
            and not selection.groups
            and what in (selection.categories or (what,))
        ):
            n = run.failures.get(what, 0)
            because = f"already fixed by job {now.job_id}"
            yield LeftOut(
                processor=run.processor,
                date=run.date,
                what=what,
                entities=n,
                retry=HEALED,
                reason=because,
                because=because,
            )


def nothing_text(preview: RetryPlan) -> str:
    """Explain in one sentence why a retry is empty."""
    counted = Counter((out.what, out.retry, out.reason) for out in preview.left_out)
    parts = [
        f"{pluralize(n, 'run')} with {what} ({FIXED if retry == HEALED else retry}): {reason}"
        for (what, retry, reason), n in counted.most_common(3)
    ]
    more = (
        f"; and {len(counted) - 3} more reason{'s' * (len(counted) > 4)}"
        if len(counted) > 3
        else ""
    )
    if not parts:
        return f"job {preview.job} has no failure in this selection; select other failures"
    return f"job {preview.job} has no failure to retry: {'; '.join(parts)}{more}"
