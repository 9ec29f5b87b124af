"""Exact quotients as Phase 3 stores them: decimals of fixed scale, rounded half away from zero."""

from __future__ import annotations

from decimal import Decimal
from functools import cache


@cache
def decimal(units: int, scale: int) -> Decimal:
    """Return a decimal from units of its last place: 453 at scale 1 is 45.3."""
    return Decimal(units).scaleb(-scale)


def rounded(numerator: int, denominator: int) -> int:
    """Round a quotient to an integer, half away from zero. The denominator is positive."""
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return size if numerator >= 0 else -size


def ratio(numerator: int, denominator: int, scale: int) -> Decimal | None:
    """Divide at a scale; NULL for a zero denominator."""
    return decimal(rounded(numerator * 10**scale, denominator), scale) if denominator else None
