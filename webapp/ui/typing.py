"""Type of a request after the middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

if TYPE_CHECKING:
    from webapp.models import User


class HtmxRequest(HttpRequest):
    """Request of a logged-in user, with its htmx headers."""

    htmx: HtmxDetails
    user: User
