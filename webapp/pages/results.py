"""Results page: the runs that a number of a season or of a job counts, with their totals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Self

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from backfill.errors import Refused
from backfill.models import Job, Run
from backfill.processors.registry import CHAIN, unknown_processor
from backfill.status.job_outcome import JobRun, own_runs, state_of, verdicts_of
from backfill.status.latest_runs import AuditSummary, explained_bugs
from backfill.status.season_grid import WORDS, RunCell, season_grid
from validation.categories import BY_NAME, count_bugs
from webapp.ui import links, seasons
from webapp.ui.query_params import one_of, whole
from webapp.ui.seasons import LoadedSeason
from webapp.ui.tables import page_size, paginate
from webapp.ui.typing import HtmxRequest

UNEXPECTED, BUGS = "unexpected", "bugs"
WITH = (UNEXPECTED, BUGS, "failures")
NUMBERS = ("population", "rows", "failed", "outside", "bugs")
AUDITED = ("expected", "unexplained", "lost", "unaccounted")


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """Render the matching runs, latest date first."""
    chosen = ResultFilters.of(request)
    rows = paginate(chosen.matching, page_size(request.GET), request.GET.get("page"))
    return render(request, "results/page.html", {"chosen": chosen, "rows": rows})


@dataclass(frozen=True, kw_only=True)
class Result:
    """Result of a processor on a date. `outside` counts unexpected results, None without an audit;
    `status` is that of the run, empty without one.
    """

    processor: str
    date: date
    state: str
    status: str = ""
    run: int | None = None
    population: int | None = None
    rows: int | None = None
    failures: Mapping[str, int] = field(default_factory=dict)
    outside: int | None = None
    reason: str = ""
    expected: int = 0
    unexplained: int = 0
    lost: int = 0
    unaccounted: int = 0

    @classmethod
    def of_cell(cls, cell: RunCell) -> Self:
        """Return the result of a cell of the season grid."""
        names = ("processor", "date", "state", "run", "population", "rows", "failures", "outside")
        return cls(**{name: getattr(cell, name) for name in names}, reason=cell.reason)

    @classmethod
    def of_run(cls, run: JobRun, audit: AuditSummary | None) -> Self:
        """Return the result of a run of a job."""
        return cls(
            processor=run.processor,
            date=run.date,
            state=state_of(run, audit),
            status=run.status,
            run=run.pk,
            population=run.population,
            rows=run.rows,
            failures=run.failures,
            reason=run.reason,
            **(_audited(run, audit) if audit else {}),
        )

    @property
    def failed(self) -> int:
        """Number of failed entities."""
        return sum(self.failures.values())

    @property
    def bugs(self) -> int:
        """Number of failures in categories of bugs."""
        return count_bugs(self.failures)

    def entities_url(self, category: str = "failed") -> str:
        """Return the URL of the entities of a category, by default all failures."""
        path = reverse("entities", args=[self.date, self.processor])
        return links.with_query(path, category=category)


def _audited(run: JobRun, audit: AuditSummary) -> dict[str, Any]:
    unexpected = audit.unexplained or 0
    return {
        "outside": audit.outside,
        "expected": run.failed - unexpected - explained_bugs(run.failures, audit.expected),
        "unexplained": unexpected,
        "lost": audit.lost or 0,
        "unaccounted": audit.unaccounted or 0,
    }


@dataclass(frozen=True, kw_only=True)
class ResultFilters:
    """Parameters of the URL: `?season=` or `?job=`, `?processor=`, `?state=` of the grid,
    `?status=` of a run of a job, `?category=` of a failure, and `?with=`.
    """

    season: LoadedSeason | None
    job: Job | None
    processor: str
    state: str
    status: str
    category: str
    only: str

    @classmethod
    def of(cls, request: HtmxRequest) -> Self:
        """Read the URL. Raises Refused, and Http404 for a job that does not exist."""
        query = request.GET
        number, code = whole(query.get("job"), "job", 0), query.get("processor", "")
        job = Job.objects.filter(pk=number).first() if number else None
        if number and not job:
            raise Http404(f"job {number} does not exist")
        if code and code not in CHAIN:
            raise Refused(unknown_processor(code))
        return cls(
            season=None if job else seasons.chosen(request, seasons.choices()),
            job=job,
            processor=code,
            state=one_of(query.get("state", ""), "state", WORDS),
            status=one_of(query.get("status", ""), "run state", Run.Status.values),
            category=one_of(query.get("category", ""), "category", BY_NAME),
            only=one_of(query.get("with", ""), "kind of result", WITH),
        )

    @cached_property
    def matching(self) -> list[Result]:
        """Matching results, latest date first, in chain order within a date."""
        found = [result for result in self._all() if self._holds(result)]
        order = {code: n for n, code in enumerate(CHAIN)}
        return sorted(found, key=lambda r: (-r.date.toordinal(), order.get(r.processor, 0)))

    def _all(self) -> list[Result]:
        if self.job:
            runs = own_runs(self.job)
            audits = verdicts_of(runs)
            return [Result.of_run(run, audits.get(run.run_id)) for run in runs]
        if not self.season:
            return []
        return [Result.of_cell(cell) for cell in season_grid(self.season.year).cells.values()]

    def _holds(self, result: Result) -> bool:
        kinds = {
            UNEXPECTED: result.outside or 0,
            BUGS: result.bugs,
            "failures": result.failed,
        }
        return (
            self.processor in ("", result.processor)
            and self.state in ("", result.state)
            and self.status in ("", result.status)
            and (not self.category or bool(result.failures.get(self.category)))
            and (not self.only or kinds[self.only] > 0)
        )

    @property
    def totals(self) -> dict[str, int]:
        """Sum of each number over the matching results."""
        return {
            name: sum(getattr(result, name) or 0 for result in self.matching)
            for name in (*NUMBERS, *AUDITED)
        }

    @property
    def dates(self) -> int:
        """Number of dates of the matching results."""
        return len({result.date for result in self.matching})

    @property
    def by_category(self) -> dict[str, int]:
        """Failures of the matching results by category; of one category if it is a filter."""
        sums = {
            name: sum(result.failures.get(name, 0) for result in self.matching)
            for name in BY_NAME
            if self.category in ("", name)
        }
        return {name: n for name, n in sums.items() if n}

    @property
    def words(self) -> list[str]:
        """Filters in words."""
        kinds = {UNEXPECTED: "unexpected results", BUGS: "bugs", "failures": "failures"}
        return [
            word
            for word in (self.processor, self.status, self.category, kinds.get(self.only, ""))
            if word
        ]
