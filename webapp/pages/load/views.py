"""Load views: form, upload, preview and load. One load runs at a time."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from backfill.errors import Refused
from backfill.ingest.input_files import SUPPORTED
from backfill.ingest.load import load
from backfill.ingest.load_history import record_load
from backfill.ingest.stale_runs import LoadPreview, StaleRuns, preview, stale_runs
from backfill.season_calendar import season_name
from backfill.warehouse import warehouse
from backfill.warehouse.tables import SCHED
from webapp.auth.permissions import operator_required
from webapp.load_access import check_warehouse, is_bigquery, one_load
from webapp.middleware.heavy_reads import heavy_read
from webapp.pages.load import tables, uploads
from webapp.pages.load.form import LoadForm, LoadRequest, preview_url
from webapp.ui import links
from webapp.ui.query_params import Choice, year
from webapp.ui.typing import HtmxRequest

log = logging.getLogger(__name__)


@require_safe
@operator_required
def page(request: HtmxRequest) -> HttpResponse:
    """Render the form, or on BigQuery the state of the tables."""
    given = {name: request.GET[name] for name in ("start", "end", "rows") if name in request.GET}
    tables = [name for name in request.GET.get("tables", "").split(",") if name]
    return _page(request, LoadForm(initial={**given, "tables": tables}))


def _page(request: HtmxRequest, form: LoadForm, status: int = 200, **more: Any) -> HttpResponse:
    loaded = sorted(warehouse().seasons(SCHED), reverse=True)
    chosen = year(request.GET.get("season")) or next(iter(loaded), None)
    if chosen and chosen not in loaded:
        raise Refused(f"season {chosen} is not loaded")
    context = {
        "form": form,
        "formats": SUPPORTED,
        "most_mb": settings.UPLOAD_MAX_MB,
        "has_folders": bool(settings.LOAD_FOLDERS),
        "is_bigquery": is_bigquery(),
        "seasons": [
            Choice(season_name(y), links.with_query(reverse("load"), season=y), y == chosen)
            for y in loaded
        ],
        "season": season_name(chosen) if chosen else "",
        "lines": tables.of_season(chosen) if chosen else [],
        "stale": _stale(stale_runs([chosen])) if chosen else None,
        **more,
    }
    return render(request, "load/page.html", context, status=status)


@require_POST
@operator_required
def upload(request: HtmxRequest) -> HttpResponse:
    """Keep the uploaded files, and open the preview of them or of the selected folder."""
    check_warehouse()
    form, files = LoadForm(request.POST), request.FILES.getlist("files")
    folder = form.cleaned_data.get("folder", "") if form.is_valid() else ""
    wrong = _wrong_input(request, bool(files), folder)
    if form.errors or wrong:
        return _page(request, form, 422, wrong_files=wrong)
    source = folder or f"upload:{uploads.save(files)}"
    return redirect(preview_url(form, source))


def _wrong_input(request: HtmxRequest, has_files: bool, folder: str) -> str:
    """Return the error of the input, empty if it is one upload or one folder."""
    if getattr(request, "upload_bytes", 0) > uploads.most_bytes():
        return uploads.too_large()
    if has_files and folder:
        return "select files or a folder, not both"
    return "" if has_files or folder else "select files or a folder"


@require_safe
@operator_required
@heavy_read
def show(request: HtmxRequest) -> HttpResponseBase:
    """Render the errors, the findings, the notes and the stale runs that a load would have."""
    if not request.GET.get("source"):
        return redirect("load")
    check_warehouse()
    wanted = LoadRequest.of(request.GET)
    return _preview(request, wanted, preview(wanted.path, wanted.selection))


def _preview(request: HtmxRequest, wanted: LoadRequest, found: LoadPreview) -> HttpResponse:
    context = {
        "wanted": wanted,
        "found": replace(found, problems=tuple(_named(p, wanted) for p in found.problems)),
        "seasons": ", ".join(map(season_name, found.seasons)),
        "stale": _stale(found.stale),
    }
    return render(request, "load/preview.html", context, status=422 if found.problems else 200)


def _named(problem: str, wanted: LoadRequest) -> str:
    """Return a problem without the server's path of an upload."""
    return problem.replace(str(wanted.path), "the upload") if wanted.token else problem


@require_POST
@operator_required
def start(request: HtmxRequest) -> HttpResponse:
    """Load the input of a preview, then show the stale runs."""
    check_warehouse()
    wanted = LoadRequest.of(request.POST)
    with one_load():
        try:
            loaded = load(wanted.path, wanted.selection)
        except Refused as refused:
            problems = tuple(str(refused).splitlines())
            found = LoadPreview(problems=problems, rows={}, stale=StaleRuns(reasons={}))
            return _preview(request, wanted, found)
    uploads.remove(wanted.token)
    record_load(loaded.seasons, request.user.username, wanted.selection)
    seasons = ", ".join(map(season_name, loaded.seasons))
    log.info("%s loaded season %s from %s", request.user.username, seasons, wanted.source)
    messages.success(request, f"Season {seasons} loaded in {loaded.seconds:.1f} s.")
    return redirect(links.with_query(reverse("load"), season=loaded.seasons[-1]))


@require_POST
@operator_required
def remove(request: HtmxRequest) -> HttpResponse:
    """Remove an upload without loading it."""
    uploads.remove(request.POST.get("source", "").removeprefix("upload:"))
    return redirect("load")


def _stale(stale: StaleRuns) -> dict[str, str] | None:
    """Return the stale runs with the link that backfills them; None if there are none."""
    if not stale.reasons:
        return None
    url = links.to_stale(stale.dates)
    return {"sentence": stale.sentence, "command": stale.command, "url": url}
