"""Outcome of a job's own runs: cells, failures by category, root causes with their blocked runs,
error groups.

The number of queries does not depend on the number of dates. Rows are plain tuples, because
building a season of models takes longer than the query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db.models import Count, Exists, Max, Min, OuterRef, Q

from backfill.models import (
    AuditResult,
    Finding,
    Job,
    Key,
    Run,
    SeasonAudit,
    SkipReason,
    is_refused_for_upstream,
)
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import seasons_of
from backfill.status import error_groups, season_grid
from backfill.status.latest_runs import AuditSummary, explained_bugs
from validation.categories import BY_NAME, NEVER_EXPECTED, Category, count_bugs
from validation.findings.kinds import Severity

BOOTSTRAP = "bootstrap"
NOT_REPLACED: Mapping[int, int] = MappingProxyType({})


class JobRun(NamedTuple):
    """Run of the job with the columns of its page; names as on Run."""

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
        """(processor, date) of the run."""
        return self.processor, self.date

    @property
    def failed(self) -> int:
        """Count of failed entities."""
        return sum(self.failures.values())

    @property
    def waits_for_upstream(self) -> bool:
        """True if blocked, or refused by normal mode because an upstream run has not succeeded:
        not a failure of the run itself.
        """
        refused = is_refused_for_upstream(self.status, self.refused_by, self.error_detail)
        return refused or self.status == Run.Status.BLOCKED


def own_runs(job: Job, numbers: Collection[int] | None = None) -> list[JobRun]:
    """Return the runs of a job by date, or only those with these numbers."""
    found = job.runs.order_by("date", "pk")
    found = found if numbers is None else found.filter(pk__in=numbers)
    return [JobRun(*row) for row in found.values_list(*JobRun._fields)]


def verdicts_of(runs: Sequence[JobRun]) -> dict[str, AuditSummary]:
    """Return the audit results of these runs by run id, also of those replaced since. Results for
    another run of the same (processor, date) are left out.
    """
    if not runs:
        return {}
    between = min(r.date for r in runs), max(r.date for r in runs)
    rows = AuditResult.with_replaced.filter(date__range=between).exclude(unexplained=None)
    wanted = {r.run_id for r in runs}
    return {
        v.run_id: v
        for row in rows.values_list(*AuditSummary._fields)
        if (v := AuditSummary(*row)).run_id in wanted
    }


def superseded(job: Job, runs: Sequence[JobRun]) -> dict[int, int]:
    """Return the complete runs of a job that a later job replaced, each with that job."""
    complete = {r.key: r.pk for r in runs if r.status == Run.Status.COMPLETE}
    if not complete:
        return {}
    days = [day for _, day in complete]
    newest = Run.objects.newest_decisive(min(days), max(days)).exclude(job=job)
    found = newest.values_list("processor", "date", "job_id")
    return {complete[code, day]: by for code, day, by in found if (code, day) in complete}


def state_of(run: JobRun, audit: AuditSummary | None) -> str:
    """Return the grid state of a run."""
    if run.skip_reason == SkipReason.BOOTSTRAP:
        return BOOTSTRAP
    if audit and audit.is_output_lost:
        return "output lost"
    return season_grid.state_of(
        run.status, run.population, run.failures, audit.outside if audit else None
    )


@dataclass(frozen=True, kw_only=True)
class CategoryCount:
    """Entities of one category in a job. `must_fail` counts the expected failures of audited runs;
    None without an audited run, and for bugs, which are never expected; neither is incomplete data.
    """

    category: Category
    entities: int
    dates: int
    per_processor: Mapping[str, int]
    must_fail: int | None


@dataclass(frozen=True)
class RootFailure:
    """Failed run and the runs that it blocks."""

    run: JobRun
    blocked: tuple[JobRun, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JobOutcome:
    """Failures of a job. `explained`, `unexplained`, `lost` and `unaccounted` count entities of
    the `audited` runs; `not_audited` counts the complete runs whose audit is due. `superseded`
    counts the complete runs that later jobs replaced, by job; `never_audited` those of them that
    were replaced before an audit.

    `explained` are expected failures caused by too few games, `waiting` those of them that exist
    only because Phase 3 rows are missing (an estimate). Failures that an impossible source
    row caused are among the `bugs`, which are counted over all runs.
    """

    categories: tuple[CategoryCount, ...]
    roots: tuple[RootFailure, ...]
    entities: int
    audited: int
    not_audited: int
    superseded: Mapping[int, int]
    never_audited: Mapping[int, int]
    explained: int
    waiting: int
    bugs: int
    unexplained: int
    lost: int
    unaccounted: int
    outside: tuple[tuple[JobRun, AuditSummary], ...] = field(default=())

    @property
    def is_clean(self) -> bool:
        """True without failed runs, bugs and unexpected results."""
        return not (self.roots or self.bugs or self.outside)

    @property
    def blocked(self) -> int:
        """Count of runs blocked by a root cause."""
        return sum(len(root.blocked) for root in self.roots)


def job_outcome(
    runs: Sequence[JobRun],
    audits: Mapping[str, AuditSummary],
    replaced: Mapping[int, int] = NOT_REPLACED,
) -> JobOutcome:
    """Count the failures of a job's runs, expected and unexpected separately. `replaced` has the
    later job of each superseded run.
    """
    complete = [r for r in runs if r.status == Run.Status.COMPLETE]
    audited = [(r, audits[r.run_id]) for r in complete if r.run_id in audits]
    never = [r for r in complete if r.run_id not in audits and r.pk in replaced]
    failed, unexplained = (
        sum(r.failed for r, _ in audited),
        sum(v.unexplained or 0 for _, v in audited),
    )
    of_source = sum(explained_bugs(r.failures, v.expected) for r, v in audited)
    return JobOutcome(
        categories=tuple(_categories(runs, audited)),
        roots=tuple(roots(runs)),
        entities=sum(r.failed for r in runs),
        audited=len(audited),
        not_audited=len(complete) - len(audited) - len(never),
        superseded=dict(Counter(sorted(replaced.values()))),  # a Counter has any key in a template
        never_audited=dict(Counter(replaced[r.pk] for r in never)),
        explained=failed - unexplained - of_source,
        waiting=sum(v.n_waiting for _, v in audited),
        bugs=sum(count_bugs(r.failures) for r in runs),
        unexplained=unexplained,
        lost=sum(v.lost or 0 for _, v in audited),
        unaccounted=sum(v.unaccounted or 0 for _, v in audited),
        outside=tuple((r, v) for r, v in audited if v.outside),
    )


def _categories(
    runs: Sequence[JobRun], audited: Sequence[tuple[JobRun, AuditSummary]]
) -> Iterator[CategoryCount]:
    """Yield bugs first, then in the order of the category list."""
    for category in sorted(BY_NAME.values(), key=lambda c: not c.is_bug):
        found = [(r, n) for r in runs if (n := r.failures.get(category.name))]
        if found:
            per_processor = Counter[str]()
            for run, n in found:
                per_processor[run.processor] += n
            expected = (
                sum(
                    v.expected.get(category.name, 0) * (category.name not in NEVER_EXPECTED)
                    for _, v in audited
                )
                if audited and not category.is_bug
                else None
            )
            dates = len({r.date for r, _ in found})
            yield CategoryCount(
                category=category,
                entities=per_processor.total(),
                dates=dates,
                per_processor=dict(per_processor),
                must_fail=expected,
            )


def roots(runs: Sequence[JobRun]) -> list[RootFailure]:
    """Return each failed run with the runs that it blocks. A run blocked by a run of another job
    is its own root.
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
    """Return the error groups of the current failures of a job. Reads failed runs only. Raises
    WarehouseError.
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
    return status == Run.Status.FAILED or bool(count_bugs(failures))


def findings_about(job: Job) -> tuple[list[Finding], list[int]]:
    """Return the open problems and warnings about a job's dates, and the seasons not audited since
    the job ended.
    """
    options = job.parsed_options
    years = seasons_of(options)
    at = dict(SeasonAudit.objects.filter(season__in=years).values_list("season", "at"))
    waiting = [y for y in years if y not in at or not job.finished_at or at[y] < job.finished_at]
    found = (
        Finding.objects.about(options.start, options.end)
        .listed()
        .filter(severity__gt=Severity.NOTE)
        .counted()
        .listed()
    )
    return list(found), waiting


class OtherAttempts(NamedTuple):
    """Runs of another job for this job's dates: counts by state, first and last date."""

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
    """Return the runs of other jobs for the same (processor, date), newest job first."""
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
