"""Two jobs beside each other, and a job as a file."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from backfill import reporting
from backfill.models import Job
from webapp.comparison import comparison, others
from webapp.downloads import as_csv
from webapp.requests import Request


@require_safe
def pick(request: Request, number: int) -> HttpResponse:
    """Choose the job to compare with."""
    job = get_object_or_404(Job, pk=number)
    chosen = request.GET.get("with", "")
    if chosen.isascii() and chosen.isdigit() and len(chosen) < 19:
        first, second = sorted((job.pk, int(chosen)))
        return redirect("job_comparison", first, second)
    return render(request, "job/pick.html", {"job": job, "others": others(job)})


@require_safe
def compare(request: Request, number: int, other: int) -> HttpResponse:
    """What the second healed, what remains, what is new."""
    before, after = get_object_or_404(Job, pk=number), get_object_or_404(Job, pk=other)
    return render(request, "job/compare.html", comparison(before, after, request.GET.get("page", "")))


@require_safe
def report(request: Request, number: int, kind: str) -> HttpResponseBase:
    """A row per run as CSV, or everything as one JSON document."""
    job = get_object_or_404(Job, pk=number)
    if kind == "csv":
        return as_csv(f"job-{job.pk}", reporting.COLUMNS, (list(row.values()) for row in reporting.rows(job)))
    answer = JsonResponse(reporting.document(job), json_dumps_params={"indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="job-{job.pk}.json"'
    return answer
