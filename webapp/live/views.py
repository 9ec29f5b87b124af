"""Live parts of pages whose own URL has none: responses to forms, and error pages."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.ui.typing import HtmxRequest


@require_safe
def menu(request: HtmxRequest) -> HttpResponse:
    """Render the menu with its badges, on an empty page."""
    return render(request, "base.html")
