"""Retry: what of a job failed, and is still so, and can be healed now, runs again under the options
that it had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from backfill.errors import PlanChanged, Refused
from backfill.jobs.start import (
    Preview,
    Tell,
    check_ready,
    create,
    keep_quiet,
    reclaim_orphaned_jobs,
)
from backfill.models import Job, Run
from backfill.plan import preflight, signed_plan
from backfill.plan.conflicts import conflict_message
from backfill.plan.options import Options
from backfill.plan.planning import Key, PlannedAction, PlannedRun, in_batches
from backfill.plan.retry_selection import Selection
from backfill.process_id import this_process
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.season_calendar import check_loaded, load_calendar
from backfill.status.failures import Failure, JobFailures
from backfill.warehouse import writable_warehouse
from validation.retry import RetryClass
from validation.season import Calendar, DateType

HEALED = "healed"
OVERRIDE = "override with --override --reason TEXT"
INCLUDE = "--include-expected runs it all the same"
HINTS = {RetryClass.AFTER_FIX: OVERRIDE, RetryClass.NEVER: INCLUDE}


@dataclass(frozen=True)
class LeftOut:
    """A failure that is not retried, and why not. `retry` is when a retry heals it; HEALED when
    something else has.
    """

    processor: str
    date: date
    what: str
    entities: int
    retry: str
    reason: str
    because: str = field(
        default="", compare=False
    )  # the reason without the option that overrides it


@dataclass(frozen=True)
class RetryPlan(Preview):
    """What a retry would run, each with its reason, what it would leave out, and what speaks
    against it.
    """

    job: int
    left_out: tuple[LeftOut, ...]
    of_others: int = (
        0  # runs of (processor, date) that the job did not run: what they read runs again
    )


def preview_retry(job: Job, selection: Selection) -> RetryPlan:
    """The very runs that `retry` would make. Raises Refused while the job is under way, and for
    what it does not have.
    """
    job.refresh_from_db()
    if job.status not in Job.ENDED:
        raise Refused(f"job {job.pk} is {job.status}; wait until it has ended, or cancel it")
    options = job.parsed_options
    check_loaded(options)
    standing, calendar = JobFailures(job), load_calendar()
    selection.check_categories(job, standing)
    keys = selection.keys(job, standing, calendar)
    failures = selection.chosen(standing.failures(keys), job, standing)
    complete = {
        key for key, run in standing.newest.items() if run.status == Run.Status.COMPLETE
    } - standing.lost
    chain = _in_chain(_seeds(failures, selection), options, calendar)
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
        *_healed(standing, keys, selection),
    )
    of_others = sum(run.key not in standing.own for run in runs)
    return RetryPlan(
        planned,
        preflight.report(planned, calendar, held=conflict_message(planned)),
        job.pk,
        left_out,
        of_others,
    )


def retry_job(
    job: Job,
    selection: Selection,
    actor: str,
    reason: str = "",
    *,
    inline: bool = False,
    tell: Tell = keep_quiet,
    previewed: str = "",
) -> Job:
    """Create the job of a retry, under the options of the job that it retries and with its brake as
    it stands now.

    `previewed` is the sealed plan that somebody has seen.

    Raises PlanChanged when another plan would be run now than was seen, Refused when there is
    nothing to retry, when the
    job is under way, when the preflight blocks and the job did not skip it; Conflict when another
    job holds one of the dates.
    """
    if selection.override and not reason.strip():
        raise Refused("overriding needs a reason: add --reason TEXT, it is stored with the job")
    writable_warehouse()
    found = preview_retry(job, selection)
    options, todo = found.plan.options, found.plan.todo
    if previewed and (changes := signed_plan.changes_text(previewed, found.plan)):
        raise PlanChanged(changes)
    if not todo:
        raise Refused(nothing_text(found))
    check_ready(found, f"the options of job {job.pk}, which a retry keeps, do not skip it")
    tell(found.report)
    dates = tuple(found.plan.dates)
    reclaim_orphaned_jobs(
        replace(options, start=dates[0], end=dates[-1], dates=dates, processors=_processors(todo))
    )
    return create(
        found.plan,
        actor,
        triggered_by=job.triggered_by,
        owner=this_process() if inline else "",
        overridden=found.report.overridable,
        retry_of=job,
        reason=reason.strip() or default_reason(job),
        brake=job.brake,
    )


def default_reason(job: Job) -> str:
    """The reason of a retry for which nobody gives one."""
    return f"retry of {job}"


def _processors(runs: Sequence[PlannedRun]) -> tuple[str, ...]:
    return tuple(code for code in CHAIN if code in {r.processor for r in runs})


# What runs


def _is_taken(failure: Failure, selection: Selection) -> bool:
    """Whether a failure makes its (processor, date) run again by itself."""
    match failure.verdict.retry:
        case RetryClass.NOW:
            return True
        case RetryClass.NEVER:
            return selection.include_expected
        case RetryClass.AFTER_FIX:
            return selection.override
    return False  # after upstream: with that, or not at all


def _seeds(failures: Sequence[Failure], selection: Selection) -> dict[Key, str]:
    """The (processor, date) that run by themselves, each with its reason."""
    reasons: dict[Key, list[str]] = {}
    for failure in failures:
        if _is_taken(failure, selection):
            reasons.setdefault(failure.key, []).append(
                f"{failure} ({failure.verdict.retry}: {failure.verdict.reason})"
            )
    return {key: "; ".join(found) for key, found in reasons.items()}


def _in_chain(seeds: Mapping[Key, str], options: Options, calendar: Calendar) -> list[PlannedRun]:
    """The seeds, and of each of their dates what comes after them in the chain."""
    by_date: dict[date, dict[str, str]] = {}
    for (code, day), reason in seeds.items():
        by_date.setdefault(day, {})[code] = reason
    return [
        run for day in sorted(by_date) for run in _of_date(day, by_date[day], options, calendar)
    ]


def _of_date(
    day: date, seeds: Mapping[str, str], options: Options, calendar: Calendar
) -> Iterator[PlannedRun]:
    found, again = calendar.day(day, live=not options.backfill_mode), set[str]()
    for code in options.processors if found.is_processing else ():
        upstream = [before for before in PROCESSORS[code].after if before in again]
        reasons = [*filter(None, [seeds.get(code)]), *([_runs_again(upstream)] if upstream else [])]
        if found.type is DateType.BOOTSTRAP and code in seeds:
            yield PlannedRun(code, day, PlannedAction.SKIP, found.why_skipped)
        elif reasons:
            again.add(code)
            yield PlannedRun(code, day, PlannedAction.RUN, "; ".join(reasons))


def _runs_again(upstream: Sequence[str]) -> str:
    if len(upstream) == 1:
        return f"its upstream {upstream[0]} runs again"
    return f"its upstream {', '.join(upstream[:-1])} and {upstream[-1]} run again"


# What does not


def _left_out(
    failures: Sequence[Failure], running: set[Key], selection: Selection
) -> Iterator[LeftOut]:
    for failure in failures:
        if failure.key not in running:
            retry, taken = failure.verdict.retry, _is_taken(failure, selection)
            because = "there is no game on its date any more" if taken else failure.verdict.reason
            reason = f"{because}; {HINTS[retry]}" if retry in HINTS and not taken else because
            yield LeftOut(
                *failure.key, failure.what, failure.entities, retry, reason=reason, because=because
            )


def _healed(standing: JobFailures, keys: set[Key], selection: Selection) -> Iterator[LeftOut]:
    """What the job itself left broken and another job has healed since; a group names only what is
    broken now.
    """
    for run, what, now in standing.healed():
        if (
            (run.processor, run.date) in keys
            and not selection.groups
            and what in (selection.categories or (what,))
        ):
            n = run.failures.get(what, 0)
            because = f"healed meanwhile by job {now.job_id}"
            yield LeftOut(run.processor, run.date, what, n, HEALED, reason=because, because=because)


def nothing_text(found: RetryPlan) -> str:
    """Why there is nothing to retry, in one sentence."""
    counted = Counter((out.what, out.retry, out.reason) for out in found.left_out)
    parts = [
        f"{n} {what} ({retry}): {reason}" for (what, retry, reason), n in counted.most_common(3)
    ]
    more = (
        f"; and for {len(counted) - 3} more reason{'s' * (len(counted) > 4)}"
        if len(counted) > 3
        else ""
    )
    if not parts:
        return f"nothing of job {found.job} that was named has failed"
    return f"nothing of job {found.job} is to be retried: {'; '.join(parts)}{more}"
