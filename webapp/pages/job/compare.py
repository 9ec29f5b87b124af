"""Comparison of two jobs: fixed, remaining and new failures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from backfill.errors import Refused
from backfill.models import Job, Run
from backfill.status import comparison as job_comparison
from backfill.status import job_export
from backfill.status.comparison import CategoryDelta
from validation.categories import BY_NAME
from webapp.middleware.heavy_reads import heavy_read
from webapp.ui.csv_export import as_csv
from webapp.ui.query_params import whole
from webapp.ui.tables import page_size, paginate
from webapp.ui.typing import HtmxRequest

JOBS_TO_PICK = 100


@require_safe
def pick(request: HtmxRequest, number: int) -> HttpResponse:
    """Render the choice of the other job. Raises Refused."""
    job = get_object_or_404(Job, pk=number)
    if other := whole(request.GET.get("with"), "with", 0):
        check_pair(job.pk, other)
        return redirect("job_comparison", *sorted((job.pk, other)))
    return render(request, "job/pick.html", {"job": job, "others": candidates(job)})


@require_safe
def compare(request: HtmxRequest, number: int, other: int) -> HttpResponse:
    """Render the comparison of two jobs. Raises Refused."""
    before, after = get_object_or_404(Job, pk=number), get_object_or_404(Job, pk=other)
    return render(request, "job/compare.html", comparison(before, after, request.GET))


@require_safe
@heavy_read
def report(request: HtmxRequest, number: int, kind: str) -> HttpResponseBase:
    """Return a job as a download: CSV with a row per run, or one JSON document."""
    job = get_object_or_404(Job, pk=number)
    if kind == "csv":
        return as_csv(
            f"job-{job.pk}",
            job_export.COLUMNS,
            (list(row.values()) for row in job_export.rows(job)),
        )
    answer = JsonResponse(job_export.document(job), json_dumps_params={"indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="job-{job.pk}.json"'
    return answer


@dataclass(frozen=True)
class Candidates:
    """Jobs with a common run, and the number of jobs without one."""

    jobs: tuple[Job, ...]
    unrelated: int


def candidates(job: Job) -> Candidates:
    """Return the jobs with a common (processor, date), newest first, its retries and the job that
    it retries before the others.
    """
    near = [job.retry_of_id, *job.retried_by.values_list("pk", flat=True)]
    ran = Run.objects.own()
    same = ran.filter(job=job, processor=OuterRef("processor"), date=OuterRef("date"))
    others = Job.objects.exclude(pk=job.pk)
    found = others.filter(Exists(ran.filter(Exists(same), job=OuterRef("pk"))))
    shown = sorted(found.order_by("-pk")[:JOBS_TO_PICK], key=lambda other: other.pk not in near)
    return Candidates(tuple(shown), others.count() - found.count())


def check_pair(number: int, other: int) -> None:
    """Raise Refused if both numbers are the same job."""
    if number == other:
        raise Refused(f"job {number} cannot be compared with itself; choose another job")


def comparison(before: Job, after: Job, query: QueryDict) -> dict[str, Any]:
    """Return fixed, remaining and new failures per category and per date. Raises Refused."""
    check_pair(before.pk, after.pk)
    found = job_comparison.compare(before, after)
    totals = [
        (what, counts, what in BY_NAME and not BY_NAME[what].is_bug)
        for what, counts in found.totals().items()
    ]
    sums = {kind: sum(found.counts(kind).values()) for kind in ("healed", "remaining", "new")}
    by_date = paginate(_by_date(found.changes), page_size(query), query.get("page", ""))
    return {
        "before": before,
        "after": after,
        "found": found,
        "totals": totals,
        "sums": sums,
        "dates": by_date,
    }


def _by_date(changes: tuple[CategoryDelta, ...]) -> list[tuple[date, str, dict[str, int]]]:
    counts: dict[tuple[date, str], Counter[str]] = {}
    for c in changes:
        counts.setdefault((c.date, c.processor), Counter()).update(
            healed=c.healed, remaining=c.remaining, new=c.new
        )
    found = [(day, code, dict(n)) for (day, code), n in sorted(counts.items()) if any(n.values())]
    # Changed dates first.
    return sorted(found, key=lambda item: not (item[2]["healed"] or item[2]["new"]))
