"""Accounts of staged rows: the population of each date compared with the rows of the statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

STATEMENTS = ("account-entities", "account-rows")
COLUMNS = ("failure_category", "expected_date", "expected_entity")


@dataclass(frozen=True, kw_only=True)
class Account:
    """Account of one date.

    `rows` and `categories` count the rows without and with a failure. `repeated` counts entities
    with more than one row, `strangers` those outside the population, `missing` those of the
    population without a row.
    """

    population: int = 0
    rows: int = 0
    categories: Mapping[str, int] = field(default_factory=dict)
    repeated: int = 0
    strangers: int = 0
    missing: int = 0


def of_counts(
    entities: Iterable[tuple[date, int, int, int, int]],
    rows: Iterable[tuple[date, str | None, int]],
) -> dict[date, Account]:
    """Return the accounts of the results of `account-entities` and `account-rows`: per date its
    numbers of entities, and per date and category its number of rows.
    """
    by_date: dict[date, Counter[str]] = {}
    for day, category, n in rows:
        by_date.setdefault(day, Counter())[category or ""] += n
    return {day: _account(by_date.get(day, Counter()), *counts) for day, *counts in entities}


def of_rows(rows: Iterable[tuple[Any, ...]]) -> dict[date, Account]:
    """Return the accounts of staged rows: their date, entity and COLUMNS."""
    populations: dict[date, set[str]] = {}
    copies: dict[date, Counter[str]] = {}
    categories: dict[date, Counter[str]] = {}
    for day, entity, category, expected_date, expected_entity in rows:
        population = populations.setdefault(day or expected_date, set())
        if expected_date:
            population.add(expected_entity)
        if day:
            copies.setdefault(day, Counter())[entity] += 1
            categories.setdefault(day, Counter())[category or ""] += 1
    return {
        day: _account(
            categories.get(day, Counter()),
            len(population),
            sum(n > 1 for n in copies.get(day, {}).values()),
            len(copies.get(day, {}).keys() - population),
            len(population - copies.get(day, {}).keys()),
        )
        for day, population in populations.items()
    }


def _account(
    by_category: Counter[str], population: int, repeated: int, strangers: int, missing: int
) -> Account:
    return Account(
        population=population,
        rows=by_category.pop("", 0),
        categories=dict(by_category),
        repeated=repeated,
        strangers=strangers,
        missing=missing,
    )
