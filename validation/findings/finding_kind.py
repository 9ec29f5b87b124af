"""Kind of a Finding, and its severity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """Severity of a Finding. A note is informational and needs no action."""

    NOTE = 0
    WARNING = 1
    PROBLEM = 2

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, kw_only=True)
class FindingKind:
    """A kind of Finding. `cause` is the likely one, used when the evidence gives none.

    `name` is stored with every Finding. `title` is a noun phrase or a short statement that reads
    as a heading and inside a sentence.
    """

    name: str
    severity: Severity
    title: str
    cause: str
    advice: str

    def __post_init__(self) -> None:
        _declared.setdefault(self.name, self)

    def __reduce__(self) -> tuple[Callable[[str], FindingKind], tuple[str]]:
        """Pickle the name: kinds are compared by identity."""
        return declared, (self.name,)


_declared: dict[str, FindingKind] = {}


def declared(name: str) -> FindingKind:
    """Return the kind of this name. Raises KeyError."""
    return _declared[name]
