"""Two jobs beside each other, and a job as a file."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from backfill.models import Job
from backfill.status import job_export
from webapp.pages.job.compare import candidates, check_pair, comparison
from webapp.ui.csv_export import as_csv
from webapp.ui.query_params import whole
from webapp.ui.typing import HtmxRequest


@require_safe
def pick(request: HtmxRequest, number: int) -> HttpResponse:
    """Choose the job to compare with. Raises Refused."""
    job = get_object_or_404(Job, pk=number)
    if other := whole(request.GET.get("with"), "with", 0):
        check_pair(job.pk, other)
        return redirect("job_comparison", *sorted((job.pk, other)))
    return render(request, "job/pick.html", {"job": job, "others": candidates(job)})


@require_safe
def compare(request: HtmxRequest, number: int, other: int) -> HttpResponse:
    """What the second healed, what remains, what is new."""
    before, after = get_object_or_404(Job, pk=number), get_object_or_404(Job, pk=other)
    return render(
        request, "job/compare.html", comparison(before, after, request.GET.get("page", ""))
    )


@require_safe
def report(request: HtmxRequest, number: int, kind: str) -> HttpResponseBase:
    """A row per run as CSV, or everything as one JSON document."""
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
