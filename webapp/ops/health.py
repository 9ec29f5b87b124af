"""Whether the panel works, for whoever restarts it when it does not. No details: anybody may ask."""

from __future__ import annotations

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from backfill.models import Limits


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, and has our tables; else 503."""
    try:
        Limits.objects.exists()
    except Error:
        connection.close()
        return JsonResponse({"status": "failing", "failing": ["database"]}, status=503)
    return JsonResponse({"status": "ok"})
