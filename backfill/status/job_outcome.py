"""What a job's own runs have come to: cells, failures by category, roots with what they block,
groups still broken.

A fixed number of queries, however many dates there are; rows as plain tuples, because a season's
worth of models takes
longer than its query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from django.db.models import Count, Exists, Max, Min, OuterRef, Q

from backfill.models import AuditResult, Finding, Job, Run, SkipReason, is_refused_for_upstream
from backfill.models import SeasonAudit as JudgedSeason
from backfill.plan.planning import Key
from backfill.processors.registry import PROCESSORS
from backfill.status import error_groups, season_grid
from backfill.status.latest_runs import AuditSummary, explained_bugs
from validation.categories import BUGS, BY_NAME, Category
from validation.findings.kinds import Severity

BOOTSTRAP = "bootstrap"


class JobRun(NamedTuple):
    """A run of the job, as far as its page tells of it; names as on the Run."""

    processor: str
    date: date
    pk: int
    status: str
    reason: str
    skip_reason: str
    refused_by: str
    error: str
    error_detail: Mapping[str, Any]
    population: int | None
    rows: int | None
    failures: Mapping[str, int]
    run_id: str

    @property
    def key(self) -> Key:
        """What it is of."""
        return self.processor, self.date

    @property
    def failed(self) -> int:
        """Entities that failed."""
        return sum(self.failures.values())

    @property
    def waits_for_upstream(self) -> bool:
        """Blocked, or refused by normal mode because a processor before it has no success: not a
        failure of its own.
        """
        refused = is_refused_for_upstream(self.status, self.refused_by, self.error_detail)
        return refused or self.status == Run.Status.BLOCKED


def own_runs(job: Job, numbers: Collection[int] | None = None) -> list[JobRun]:
    """The runs of a job by date, or those of these numbers."""
    found = job.runs.order_by("date", "pk")
    found = found if numbers is None else found.filter(pk__in=numbers)
    return [JobRun(*row) for row in found.values_list(*JobRun._fields)]


def verdicts_of(runs: Sequence[JobRun]) -> dict[str, AuditSummary]:
    """What the judgement says of these very runs, by run id; one that was judged of another run is
    not among them.
    """
    if not runs:
        return {}
    between = min(r.date for r in runs), max(r.date for r in runs)
    rows = AuditResult.objects.filter(date__range=between).exclude(unexplained=None)
    wanted = {r.run_id for r in runs}
    return {
        v.run_id: v
        for row in rows.values_list(*AuditSummary._fields)
        if (v := AuditSummary(*row)).run_id in wanted
    }


def state_of(run: JobRun, verdict: AuditSummary | None) -> str:
    """How a run stands, as a grid names it."""
    if run.skip_reason == SkipReason.BOOTSTRAP:
        return BOOTSTRAP
    return season_grid.state_of(
        run.status, run.population, run.failures, verdict.outside if verdict else None
    )


@dataclass(frozen=True)
class CategoryCount:
    """Entities of one category over a job. `must_fail` counts, in what is judged, those that must
    fail by games played;
    None where nothing is, and of a bug, with which nobody may fail.
    """

    category: Category
    entities: int
    dates: int
    per_processor: Mapping[str, int]
    must_fail: int | None


@dataclass(frozen=True)
class RootFailure:
    """A run that failed by itself, and the runs that only wait for it."""

    run: JobRun
    blocked: tuple[JobRun, ...] = ()


@dataclass(frozen=True)
class JobOutcome:
    """A job's failures. `explained`, `unexplained`, `lost`, `unaccounted` are of the judged runs,
    `not_judged` the others.

    `explained` is by the games played alone; what an impossible source row explains is among the
    `bugs`, which are of all.
    """

    categories: tuple[CategoryCount, ...]
    roots: tuple[RootFailure, ...]
    entities: int
    judged: int
    not_judged: int
    explained: int
    bugs: int
    unexplained: int
    lost: int
    unaccounted: int
    outside: tuple[tuple[JobRun, AuditSummary], ...] = field(default=())

    @property
    def is_clean(self) -> bool:
        """Whether no run failed and nothing is a bug or outside expectation."""
        return not (self.roots or self.bugs or self.outside)

    @property
    def blocked(self) -> int:
        """Runs that wait for a root."""
        return sum(len(root.blocked) for root in self.roots)


def job_outcome(runs: Sequence[JobRun], verdicts: Mapping[str, AuditSummary]) -> JobOutcome:
    """Count what went wrong with a job's runs, expected and unexpected apart."""
    complete = [r for r in runs if r.status == Run.Status.COMPLETE]
    judged = [(r, verdicts[r.run_id]) for r in complete if r.run_id in verdicts]
    failed, unexplained = (
        sum(r.failed for r, _ in judged),
        sum(v.unexplained or 0 for _, v in judged),
    )
    of_source = sum(explained_bugs(r.failures, v.expected) for r, v in judged)
    return JobOutcome(
        tuple(_categories(runs, judged)),
        tuple(roots(runs)),
        sum(r.failed for r in runs),
        len(judged),
        len(complete) - len(judged),
        failed - unexplained - of_source,
        sum(r.failures.get(bug, 0) for r in runs for bug in BUGS),
        unexplained,
        sum(v.lost or 0 for _, v in judged),
        sum(v.unaccounted or 0 for _, v in judged),
        tuple((r, v) for r, v in judged if v.outside),
    )


def _categories(
    runs: Sequence[JobRun], judged: Sequence[tuple[JobRun, AuditSummary]]
) -> Iterator[CategoryCount]:
    """Bugs first, in the order of the closed list."""
    for category in sorted(BY_NAME.values(), key=lambda c: not c.is_bug):
        found = [(r, n) for r in runs if (n := r.failures.get(category.name))]
        if found:
            per_processor = Counter[str]()
            for run, n in found:
                per_processor[run.processor] += n
            must_fail = (
                sum(v.expected.get(category.name, 0) for _, v in judged)
                if judged and not category.is_bug
                else None
            )
            dates = len({r.date for r, _ in found})
            yield CategoryCount(
                category, per_processor.total(), dates, dict(per_processor), must_fail
            )


def roots(runs: Sequence[JobRun]) -> list[RootFailure]:
    """Each run that failed by itself with what it blocks; what is blocked by nothing of this job
    stands by itself.
    """
    by_key = {r.key: r for r in runs}
    found: dict[Key, tuple[JobRun, list[JobRun]]] = {}
    for run in runs:
        if run.status in (Run.Status.FAILED, Run.Status.BLOCKED):
            root = _root(run, by_key)
            blocked = found.setdefault(root.key, (root, []))[1]
            if root is not run:
                blocked.append(run)
    return [RootFailure(run, tuple(blocked)) for run, blocked in found.values()]


def _root(run: JobRun, by_key: Mapping[Key, JobRun]) -> JobRun:
    if not run.waits_for_upstream:
        return run
    before = [
        by_key[key]
        for code in PROCESSORS[run.processor].after
        if (key := (code, run.date)) in by_key
    ]
    broken = [r for r in before if r.status in (Run.Status.FAILED, Run.Status.BLOCKED)]
    return _root(broken[0], by_key) if broken else run


def groups_now(job: Job) -> list[error_groups.ErrorGroup]:
    """The error groups of what is wrong now with what the job ran, as `groups.of_job` finds them;
    reads only what is bad.

    Raises WarehouseError.
    """
    options, own = job.parsed_options, set(job.runs.values_list("processor", "date"))
    newest = Run.objects.newest_decisive(options.start, options.end).values_list(
        "processor", "date", "pk", "status", "failures"
    )
    bad = [
        pk
        for code, day, pk, status, failures in newest
        if (code, day) in own and _has_a_group(status, failures)
    ]
    return error_groups.groups_of(
        {(r.processor, r.date): r for r in Run.objects.filter(pk__in=bad).order_by("date", "pk")}
    )


def _has_a_group(status: str, failures: Mapping[str, int]) -> bool:
    return status == Run.Status.FAILED or any(failures.get(bug) for bug in BUGS)


def findings_about(job: Job) -> tuple[list[Finding], list[int]]:
    """What is listed about a job's dates and is more than a note; and the seasons that were not
    judged since it ended.
    """
    options = job.parsed_options
    at = dict(JudgedSeason.objects.filter(season__in=options.seasons).values_list("season", "at"))
    waiting = [
        y for y in options.seasons if y not in at or not job.finished_at or at[y] < job.finished_at
    ]
    found = (
        Finding.objects.about(options.start, options.end)
        .listed()
        .filter(severity__gt=Severity.NOTE)
    )
    return list(found), waiting


class OtherAttempts(NamedTuple):
    """What another job has for the dates of this one: runs by state, and when they began."""

    job: int
    status: str
    actor: str
    retry_of: int | None
    runs: int
    complete: int
    failed: int
    first: date
    last: date


def attempts(job: Job, most: int = 25) -> list[OtherAttempts]:
    """Runs of other jobs for the same (processor, date), the newest job first."""
    same = job.runs.filter(processor=OuterRef("processor"), date=OuterRef("date"))
    options = job.parsed_options
    others = (
        Run.objects.filter(Exists(same), date__range=(options.start, options.end))
        .exclude(job=job)
        .own()
    )
    bad = Q(status__in=(Run.Status.FAILED, Run.Status.BLOCKED))
    found = others.values_list("job_id", "job__status", "job__actor", "job__retry_of").annotate(
        runs=Count("pk"),
        complete=Count("pk", filter=Q(status=Run.Status.COMPLETE)),
        failed=Count("pk", filter=bad),
        first=Min("date"),
        last=Max("date"),
    )
    return [OtherAttempts(*row) for row in found.order_by("-job_id")[:most]]
