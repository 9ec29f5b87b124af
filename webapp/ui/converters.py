"""What stands in a URL."""

from __future__ import annotations

from datetime import date


class IsoDateConverter:
    """A date as YYYY-MM-DD."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        """The date; a ValueError is a 404."""
        return date.fromisoformat(value)

    def to_url(self, value: date | str) -> str:
        """As people write it."""
        return str(value)
