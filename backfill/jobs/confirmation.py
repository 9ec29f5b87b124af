"""Confirmation of a start that overwrites complete runs: their number, typed or sent."""

from __future__ import annotations

from typing import Protocol

from backfill.errors import OverwriteUnconfirmed
from validation.findings.kinds import pluralize


class Overwriting(Protocol):
    """Preview of a start; `to_confirm` is the number of complete runs that it overwrites."""

    @property
    def to_confirm(self) -> int: ...


def check_overwrites(
    preview: Overwriting, number: int | str | None, how: str = "type {} to confirm"
) -> None:
    """Raise OverwriteUnconfirmed unless `number` is that of the complete runs to overwrite.

    `how` says where this caller takes the number.
    """
    complete = preview.to_confirm
    if complete and str(number or "").strip().replace(",", "") != str(complete):
        runs = pluralize(complete, "complete run")
        raise OverwriteUnconfirmed(f"{runs} will be overwritten; {how.format(complete)}")
