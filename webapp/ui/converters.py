"""URL path converters."""

from __future__ import annotations

import base64
import re
from datetime import date


class IsoDateConverter:
    """A date as YYYY-MM-DD."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        """Return the date. Raises ValueError, which Django answers with 404."""
        return date.fromisoformat(value)

    def to_url(self, value: date | str) -> str:
        """Return the ISO date."""
        return str(value)


class EntityConverter:
    """An entity ID: the plain text, or `~` and its Base64 if a URL cannot carry the text.

    Browsers and proxies remove the segments `.` and `..`, also percent-encoded ones.
    """

    regex = r".+"

    def to_python(self, value: str) -> str:
        """Return the ID. Text that only resembles an escaped ID is the ID itself."""
        name = _unescaped(value)
        return name if name and self.to_url(name) == value else value

    def to_url(self, value: str) -> str:
        """Return the ID for a URL. Raises ValueError, which means no match, for an invalid ID."""
        if not value or "\0" in value:
            raise ValueError("an empty ID, or one with a NUL character, has no URL")
        if AWKWARD.search(value) or _unescaped(value):
            return ESCAPE + base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
        return value


ESCAPE = "~"
AWKWARD = re.compile(r"[\x00-\x1f\x7f]|(?:^|/)\.{0,2}(?:/|$)")  # control characters, dot segments


def _unescaped(value: str) -> str:
    """Return the text behind the escape; empty without a valid escape."""
    if not re.fullmatch(rf"{ESCAPE}[\w-]+", value, re.ASCII):
        return ""
    try:
        return base64.urlsafe_b64decode(value[1:] + "=" * (-(len(value) - 1) % 4)).decode()
    except ValueError:
        return ""
