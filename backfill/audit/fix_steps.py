"""Fix of a finding as steps, each with its current state: correct the source or deploy a fix,
preview, run, audit, closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q

from backfill.audit.evidence import runs_of
from backfill.audit.source_correction import SourceCorrection, correction_of
from backfill.models import Finding, Job, Key, Run, SeasonAudit
from backfill.models.job import Job as JobModel
from backfill.plan import rerun_policy
from backfill.plan.options import Options
from backfill.plan.planning import PlannedAction, PlannedRun
from backfill.processors.registry import CHAIN
from backfill.season_calendar import load_calendar
from backfill.status.failures import failures_of, nothing_to_retry
from validation.findings import kinds
from validation.findings.kinds import format_date_ranges, pluralize
from validation.findings.root_causes import RATES
from validation.processor_rules import downstream

DONE, CURRENT, RUNNING, WAITING = "done", "current", "running", "waiting"
CODE = {kinds.BUG.name}
LOOK = {kind.name for kind in (*RATES, kinds.SLOW, kinds.POSTPONED, kinds.OUT_OF_BAND)}
UP_TO_DATE = "All runs are complete and up to date"
NO_RERUN = {kinds.DUPLICATE_INPUT.name, kinds.UNFINISHED_LOAD.name}


@dataclass(frozen=True, kw_only=True)
class FixStep:
    """Step of a fix. `state` is done, current, running or waiting; `at` is its time, if done."""

    name: str
    title: str
    state: str
    text: str = ""
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Fix:
    """Steps of a fix. `options` are those of its backfill, None while there is nothing to run;
    `disabled_reason` is then the reason.
    """

    steps: tuple[FixStep, ...]
    correction: SourceCorrection | None = None
    options: Options | None = None
    runs: tuple[PlannedRun, ...] = ()
    job: Job | None = None
    disabled_reason: str = ""

    @property
    def current(self) -> FixStep | None:
        """First step that is not done."""
        return next((step for step in self.steps if step.state != DONE), None)

    @property
    def guidance(self) -> str:
        """Completed steps as one sentence; empty before the first."""
        done = [step.text for step in self.steps if step.state == DONE and step.text]
        running = [self.current.text] if self.current and self.current.state == RUNNING else []
        return "; ".join([*done[:2], *done[2:][-1:], *running])


def fix_of(finding: Finding) -> Fix:
    """Return the steps of a finding as they are now. Raises WarehouseError."""
    if finding.kind in LOOK or not (finding.action or finding.kind in NO_RERUN):
        return Fix(steps=tuple(_ordered([_look(finding), _closed(finding)])))
    correction = correction_of(finding)
    first = _source(correction) if correction else _code(finding)
    if finding.kind in NO_RERUN:
        audit = _audit(finding, correction.at if correction else None)
        return Fix(steps=tuple(_ordered([*first, audit, _closed(finding)])), correction=correction)
    is_ready = all(step.state == DONE for step in first)
    since = (
        max(finding.found_at, correction.at or finding.found_at) if correction else finding.found_at
    )
    options, job = options_of(finding), _job(finding, since)
    if finding.state == Finding.State.CLOSED:
        run = [_over(finding, job)] if job else []
        ended = _ordered([*first, *run, _audit(finding, None), _closed(finding)])
        return Fix(
            steps=tuple(ended), correction=correction, job=job,
            disabled_reason="The finding is closed",
        )  # fmt: skip
    runs = _todo(options) if options and is_ready else ()
    is_forced = options is not None and options.force
    left = () if job and job.status == Job.Status.SUCCEEDED and is_forced else runs
    steps = _ordered(
        [
            *first,
            _preview(left, job, is_ready=is_ready, stale=_stale_text(correction, left)),
            _run(left, job, is_ready=is_ready),
            _audit(finding, job.finished_at if job else None),
            _closed(finding),
        ]
    )
    reason = _disabled_reason(first, left, job)
    return Fix(
        steps=tuple(steps), correction=correction, options=None if reason else options,
        runs=left, job=job, disabled_reason=reason,
    )  # fmt: skip


def options_of(finding: Finding) -> Options | None:
    """Return the options of the backfill that fixes a finding: exactly its dates, and, once Phase 3
    has changed, every stale date of its season. None if it needs none.
    """
    if not (action := finding.action):
        return None
    keys = _stale(finding) if action["outdated"] else set[Key]()
    days = sorted({*map(date.fromisoformat, finding.dates), *(day for _, day in keys)})
    codes = {code for code, _ in keys} | set(action["processors"] or finding.processors)
    chain = downstream(sorted(codes)) if codes else CHAIN
    return Options(
        start=days[0],
        end=days[-1],
        dates=tuple(days),
        processors=tuple(chain),
        force=action["force"],
        outdated=action["outdated"],
        brake=action["brake"],
        canary=action["brake"],
    )


def _stale(finding: Finding) -> set[Key]:
    """Return the stale runs of the season of a finding."""
    first, last = load_calendar().seasons.bounds(finding.season)
    return set(rerun_policy.stale(Run.objects.deciding(first, last).values()))


def _todo(options: Options) -> tuple[PlannedRun, ...]:
    days = rerun_policy.days_of(options, load_calendar())
    plan = rerun_policy.planned(options, days)
    return tuple(run for run in plan.runs if run.action is PlannedAction.RUN)


def _job(finding: Finding, since: datetime) -> Job | None:
    """Return the newest job with runs of a finding that was created since a time."""
    codes = downstream(finding.processors) if finding.processors else CHAIN
    runs = Run.objects.filter(
        processor__in=codes, date__in=finding.dates, job__created_at__gt=since
    )
    newest = runs.own().order_by("-job_id").values_list("job_id", flat=True).first()
    return JobModel.objects.filter(pk=newest).first() if newest else None


# Steps


def _ordered(steps: list[FixStep]) -> Iterator[FixStep]:
    """Yield the steps; those after the first open one wait."""
    is_open = False
    for step in steps:
        if is_open and step.state == CURRENT:
            yield FixStep(name=step.name, title=step.title, state=WAITING)
        else:
            yield step
        is_open = is_open or step.state != DONE


def _look(finding: Finding) -> FixStep:
    is_done = finding.state not in Finding.LISTED
    return FixStep(
        name="look", title="Check the evidence", state=DONE if is_done else CURRENT,
        text=finding.advice, at=finding.marked_at,
    )  # fmt: skip


def _source(correction: SourceCorrection) -> list[FixStep]:
    names = ", ".join(str(table) for table in correction.tables[:2])
    more = f" and {len(correction.tables) - 2} more" if len(correction.tables) > 2 else ""
    title = "Correct and load the source"
    if not correction.is_loaded:
        text = f"Correct {names}{more} in Phase 3 and load it."
        return [FixStep(name="source", title=title, state=CURRENT, text=text)]
    at = f" at {correction.at:%H:%M}" if correction.at else ""
    text = f"Loaded{at}"
    return [FixStep(name="source", title=title, state=DONE, text=text, at=correction.at)]


def _code(finding: Finding) -> list[FixStep]:
    """Return the step of the code fix, for findings that only one removes."""
    if finding.kind not in CODE:
        return []
    title, runs = "Deploy a fix", runs_of(finding)
    newest = Run.objects.deciding(finding.first, finding.last)
    failures = failures_of(runs, newest, rerun_policy.lost(newest))
    reason = nothing_to_retry(failures).removeprefix("nothing to retry: ")
    if reason and finding.state != Finding.State.CLOSED:
        return [FixStep(name="deploy", title=title, state=CURRENT, text=reason.capitalize())]
    return [FixStep(name="deploy", title=title, state=DONE, text="The code changed after the runs")]


def _stale_text(correction: SourceCorrection | None, runs: tuple[PlannedRun, ...]) -> str:
    dates = len({run.date for run in runs})
    verb = "date is" if dates == 1 else "dates are"
    return f"{dates} {verb} stale: " if correction else ""


def _preview(
    runs: tuple[PlannedRun, ...], job: Job | None, *, is_ready: bool, stale: str
) -> FixStep:
    title = "Preview the runs"
    if not is_ready:
        return FixStep(name="preview", title=title, state=CURRENT)
    if not runs:
        return FixStep(name="preview", title=title, state=DONE, text=UP_TO_DATE)
    codes = [code for code in CHAIN if code in {run.processor for run in runs}]
    dates = format_date_ranges(run.date for run in runs)
    text = f"{stale}{pluralize(len(runs), 'run')} of {', '.join(codes)}, {dates}"
    return FixStep(name="preview", title=title, state=DONE, text=text)


def _run(runs: tuple[PlannedRun, ...], job: Job | None, *, is_ready: bool) -> FixStep:
    title = "Run"
    if job and job.status not in Job.STOPPED:
        return FixStep(name="run", title=title, state=RUNNING, text=f"Job {job.pk} is {job.status}")
    if not is_ready or runs:
        again = f"Job {job.pk} {job.status}; {pluralize(len(runs), 'run')} left" if job else ""
        return FixStep(name="run", title=title, state=CURRENT, text=again)
    text = _ended(job) if job else UP_TO_DATE
    at = job.finished_at if job else None
    return FixStep(name="run", title=title, state=DONE, text=text, at=at)


def _over(finding: Finding, job: Job) -> FixStep:
    """Return the run step of a closed finding. Its job can have failed on other runs."""
    own = job.runs.filter(date__in=finding.dates, status=Run.Status.FAILED)
    own = own.filter(processor__in=finding.processors) if finding.processors else own
    is_other = job.status == Job.Status.FAILED and not own.exists()
    text = f"Job {job.pk} ran it and failed on other runs" if is_other else _ended(job)
    return FixStep(name="run", title="Run", state=DONE, text=text, at=job.finished_at)


def _ended(job: Job) -> str:
    return f"Job {job.pk} {job.status}"


def _audit(finding: Finding, since: datetime | None) -> FixStep:
    at = SeasonAudit.objects.filter(season=finding.season).values_list("at", flat=True).first()
    title = "Audit"
    if finding.state == Finding.State.CLOSED:
        return FixStep(name="audit", title=title, state=DONE, at=at)
    if at and since and at > since:
        text = "Audited; the finding is still present"
        return FixStep(name="audit", title=title, state=CURRENT, text=text, at=at)
    text = "The audit follows the end of the job" if since else ""
    return FixStep(name="audit", title=title, state=CURRENT, text=text)


def _closed(finding: Finding) -> FixStep:
    is_closed = Q(to_state=Finding.State.CLOSED)
    event = finding.events.filter(is_closed).order_by("pk").last()
    if finding.state != Finding.State.CLOSED:
        return FixStep(name="closed", title="Closed", state=CURRENT)
    at = event.at if event else None
    return FixStep(name="closed", title="Closed", state=DONE, text="The evidence is gone", at=at)


def _disabled_reason(first: list[FixStep], runs: tuple[PlannedRun, ...], job: Job | None) -> str:
    """Return the reason why the fix runs nothing now; empty if it runs something."""
    if waiting := next((step for step in first if step.state != DONE), None):
        return waiting.text
    if job and job.status not in Job.STOPPED:
        return f"Job {job.pk} is {job.status}"
    return "" if runs else UP_TO_DATE
