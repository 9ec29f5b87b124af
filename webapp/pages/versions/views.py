"""Views of versions: list of a date, restore of one, undo of a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from backfill.errors import Refused
from backfill.jobs.confirmation import check_overwrites
from backfill.jobs.undo import Undo, nothing_text, preview_restore, preview_undo, start_undo
from backfill.models import Job
from backfill.plan.cells import parse_cells
from backfill.processors.registry import CHAIN
from backfill.versions.history import versions_of
from webapp.auth.permissions import operator_required
from webapp.middleware.errors import refusal, status_of
from webapp.pages.date.entities import known
from webapp.pages.date.rerun import NO_REASON
from webapp.ui.query_params import MAX_REASON
from webapp.ui.typing import HtmxRequest


class UndoForm(forms.Form):
    reason = forms.CharField(
        label="Reason",
        max_length=MAX_REASON,
        error_messages={"required": NO_REASON},
        widget=forms.TextInput({"class": "form-control", "autocomplete": "off"}),
        help_text="Stored with the job and its events.",
    )


@require_safe
def of_date(request: HtmxRequest, day: date) -> HttpResponse:
    """List the live partition and the versions of each processor on a date."""
    context = {"day": day, "versions": versions_of(day)}
    template = "versions/_list.html" if request.htmx else "versions/list.html"
    return render(request, template, context)


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def restore(request: HtmxRequest, day: date, code: str, version: str) -> HttpResponse:
    """Show the effect of restoring one version; a POST starts it."""
    context = {"day": day, "code": known(code), "name": version}
    return _start(request, partial(preview_restore, day, code, version), context)


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def undo(request: HtmxRequest, number: int) -> HttpResponse:
    """Show what an undo of a job restores and what it leaves; a POST starts it."""
    job = get_object_or_404(Job, pk=number)
    cells = request.GET.get("cells", "")
    return _start(
        request, lambda: preview_undo(job, parse_cells(cells)), {"job": job, "cells": cells}
    )


def _start(
    request: HtmxRequest, preview: Callable[[], Undo], context: dict[str, Any]
) -> HttpResponse:
    form = UndoForm(request.POST if request.method == "POST" else None)
    try:
        found = preview()
    except Refused as error:
        return _page(request, context | {"form": form, "disabled_reason": str(error)}, 200)
    context = context | {"form": form, "found": found, **_figures(found)}
    if request.method != "POST" or not form.is_valid():
        return _page(request, context, 422 if form.errors else 200)
    try:
        check_overwrites(found, request.POST.get("overwrites"))
        job = start_undo(
            found,
            request.user.username,
            form.cleaned_data["reason"],
            previewed=request.POST.get("seal", ""),
        )
    except Refused as error:
        return _page(request, context | refusal(error, "refused"), status_of(error))
    messages.success(request, f"Job {job.pk} restores versions.")
    return redirect("job", job.pk)


def _figures(found: Undo) -> dict[str, Any]:
    if found.plan is None:
        return {"disabled_reason": nothing_text(found)}
    restored = Counter(code for code, _ in found.restores)
    stale = Counter(code for code, _ in found.stale)
    return {
        "restored": [
            (code, restored[code], stale[code]) for code in CHAIN if restored[code] or stale[code]
        ],
        "left": Counter(one.reason for one in found.left).most_common(),
    }


def _page(request: HtmxRequest, context: dict[str, Any], status: int) -> HttpResponse:
    return render(request, "versions/start.html", context, status=status)
