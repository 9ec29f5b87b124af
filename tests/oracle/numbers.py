"""Arithmetic of the specification: NULL in, NULL out; quotients to nine decimals; half away from
zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal

Number = int | Decimal

EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
HELD_DECIMALS = 9


def fix(value: Number, scale: int) -> Decimal:
    """Return the value with exactly `scale` decimals, half away from zero; zero has no sign."""
    fixed = Decimal(value).quantize(Decimal(1).scaleb(-scale), context=EXACT)
    return fixed if fixed else abs(fixed)


def quotient(dividend: Number | None, divisor: Number | None) -> Decimal | None:
    """Return the quotient with nine decimals; NULL if either is NULL or the divisor is zero."""
    if dividend is None or divisor is None or divisor == 0:
        return None
    return fix(EXACT.divide(Decimal(dividend), Decimal(divisor)), HELD_DECIMALS)


def known(values: Iterable[Number | None]) -> list[Number]:
    """Return the values that are not NULL."""
    return [v for v in values if v is not None]


def total(values: Iterable[Number | None]) -> Number | None:
    """Return the sum of the known values; NULL if there are none."""
    present = known(values)
    return sum(present) if present else None


def mean(values: Iterable[Number | None]) -> Decimal | None:
    """Return the mean of the known values with nine decimals."""
    present = known(values)
    return quotient(sum(present), len(present))


def deviation(values: Iterable[Number | None]) -> Decimal | None:
    """Return the sample standard deviation (divisor count - 1); NULL below two values."""
    present = [Decimal(v) for v in known(values)]
    n = len(present)
    if n < 2:
        return None
    # n * sum of squares - square of sum avoids a rounded mean in between.
    spread = n * sum(v * v for v in present) - sum(present) ** 2
    return fix(EXACT.sqrt(EXACT.divide(spread, Decimal(n * (n - 1)))), HELD_DECIMALS)


def clamp(value: Number, low: Number, high: Number) -> Number:
    """Clamp the value to the bounds."""
    return max(low, min(high, value))


def times(factor: Number, value: Number | None) -> Number | None:
    """Return a product that is NULL if its variable part is."""
    return None if value is None else factor * value
