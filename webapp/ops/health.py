"""Health check for the process manager. It needs no login, so it has no details."""

from __future__ import annotations

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from backfill.models import Limits


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Return 200 if the database answers and is migrated, else 503."""
    try:
        Limits.objects.exists()
    except Error:
        connection.close()
        return JsonResponse({"status": "failing", "failing": ["database"]}, status=503)
    return JsonResponse({"status": "ok"})
