"""Differences between two outcomes, down to the cell."""

from __future__ import annotations

from typing import Any

from tests.oracle.outcome import Outcome, Outcomes, Row

FEATURE_DECIMALS = 6


def differences(code: str, expected: Outcomes, actual: Outcomes) -> list[str]:
    """Return a line per entity or cell that differs; empty if the outcomes are equal."""
    if set(expected) != set(actual):
        return [
            f"{code}: dates {sorted(map(str, expected))} expected, got {sorted(map(str, actual))}"
        ]
    return [
        f"{code} {day} {line}" for day in expected for line in _date(expected[day], actual[day])
    ]


def _date(expected: Outcome, actual: Outcome) -> list[str]:
    entities = sorted({*expected.rows, *expected.failures, *actual.rows, *actual.failures})
    return [
        f"{entity}: {line}" for entity in entities for line in _entity(entity, expected, actual)
    ]


def _entity(entity: str, expected: Outcome, actual: Outcome) -> list[str]:
    wanted, got = _states(entity, expected), _states(entity, actual)
    if wanted != got:
        return [f"expected {wanted or 'nothing'}, got {got or 'nothing'}"]
    if entity not in expected.rows:
        return []
    return _cells(expected.rows[entity], actual.rows[entity])


def _states(entity: str, outcome: Outcome) -> list[object]:
    failure = [outcome.failures[entity]] if entity in outcome.failures else []
    return [*failure, "a row"] if entity in outcome.rows else [*failure]


def _cells(expected: Row, actual: Row) -> list[str]:
    if list(expected) != list(actual):
        return [f"columns differ: {sorted(set(expected) ^ set(actual)) or 'in their order'}"]
    cells = [(column, expected[column], actual[column]) for column in expected]
    return [
        f"{column} = {wanted!r} expected, got {got!r}"
        for column, wanted, got in cells
        if not same(wanted, got)
    ]


def same(wanted: Any, got: Any) -> bool:
    """Compare with True different from 1, JSON by content, and features as stored."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return set(wanted) == set(got) and all(same(wanted[key], got[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(same, wanted, got))
    if isinstance(wanted, float) and isinstance(got, float):
        return round(wanted, FEATURE_DECIMALS) == round(got, FEATURE_DECIMALS)
    return isinstance(wanted, bool) == isinstance(got, bool) and bool(wanted == got)
