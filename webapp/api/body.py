"""Values of request bodies and queries: storable JSON, dates and times."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja.parser import Parser
from pydantic import AfterValidator, BeforeValidator

from backfill.errors import Refused
from webapp.middleware.text_input import REFUSED, all_storable


class BodyParser(Parser):
    """JSON parser that refuses text that the database cannot store."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the value. Raises Refused; ValueError for malformed JSON."""
        value = super().parse_body(request)
        if not all_storable(value):
            raise Refused(REFUSED)
        return value


def _is_text(pattern: str, example: str) -> BeforeValidator:
    """Accept only text of this form: pydantic reads a number as seconds since 1970."""

    def checked(value: object) -> object:
        if isinstance(value, str) and not re.match(pattern, value, re.ASCII):
            raise ValueError(f"write {example}, not {value[:40]!r}")
        if isinstance(value, bool | int | float):
            raise ValueError(f"write {example} as text, not the number {value}")
        return value

    return BeforeValidator(checked)


def _in_utc(at: datetime) -> datetime:
    """Return a time with its offset; without an offset, it is UTC."""
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


Day = Annotated[date, _is_text(r"\d{4}-\d\d-\d\d$", "a date such as 2021-11-22")]
At = Annotated[
    datetime,
    _is_text(r"\d{4}-\d\d-\d\d([T ]|$)", "a time such as 2021-11-22T18:00Z"),
    AfterValidator(_in_utc),
]
