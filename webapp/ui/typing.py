"""A request as the middleware leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

if TYPE_CHECKING:
    from webapp.models import User


class HtmxRequest(HttpRequest):
    """Of somebody who is logged in, with what htmx says of itself."""

    htmx: HtmxDetails
    user: User
