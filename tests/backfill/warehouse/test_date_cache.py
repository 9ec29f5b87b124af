"""Values of single dates are read again exactly when a partition of their date changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from backfill.warehouse import warehouse
from backfill.warehouse.date_cache import MOST_DATES, _kept, cached_by_date
from backfill.warehouse.tables import FAILURES, PSZA
from tests.factories import make_row, store

pytestmark = pytest.mark.usefixtures("own_warehouse")
FIRST, SECOND, THIRD = (date(2021, 11, n) for n in (10, 11, 12))


def store_names(day: date, *names: str) -> None:
    store(PSZA, [make_row(PSZA, player_lookup=name, analysis_date=day) for name in names])


class Reader:
    """Reader of the names of each date, which notes the dates that it read."""

    def __init__(self) -> None:
        self.read: list[date] = []

    def __call__(self, dates: Sequence[date]) -> dict[date, list[str]]:
        self.read += dates
        sql = (
            f"SELECT analysis_date, player_lookup FROM {PSZA} WHERE analysis_date IN UNNEST(@dates)"
        )
        found: dict[date, list[str]] = {day: [] for day in dates}
        for row in warehouse().query(f"{sql} ORDER BY 2", {"dates": dates}):
            found[row["analysis_date"]].append(row["player_lookup"])
        return found

    def names(self, *dates: date) -> dict[date, list[str]]:
        self.read.clear()
        return cached_by_date("names", (PSZA, FAILURES), dates, self)


def test_only_a_changed_date_is_read_again() -> None:
    store_names(FIRST, "ann")
    store_names(SECOND, "bob")
    reader = Reader()
    assert reader.names(FIRST, SECOND) == {FIRST: ["ann"], SECOND: ["bob"]}
    assert reader.names(SECOND, FIRST) == {FIRST: ["ann"], SECOND: ["bob"]}
    assert reader.read == []
    store_names(SECOND, "bob", "cid")
    assert reader.names(FIRST, SECOND) == {FIRST: ["ann"], SECOND: ["bob", "cid"]}
    assert reader.read == [SECOND]


def test_a_date_that_is_written_first_or_removed_is_read_again() -> None:
    reader = Reader()
    assert reader.names(THIRD) == reader.names(THIRD) == {THIRD: []}
    store_names(THIRD, "dan")
    assert reader.names(THIRD) == {THIRD: ["dan"]}
    warehouse().replace(PSZA, [THIRD], "", {})
    assert reader.names(THIRD) == {THIRD: []}


def test_the_failures_of_a_date_belong_to_it() -> None:
    reader = Reader()
    reader.names(FIRST, SECOND)
    warehouse().replace(FAILURES, [SECOND], "", {}, "PlayerDailyCacheProcessor")
    reader.names(FIRST, SECOND)
    assert reader.read == [SECOND]


def test_a_value_read_during_a_write_is_not_kept() -> None:
    reader = Reader()

    def writing(dates: Sequence[date]) -> dict[date, list[str]]:
        found = reader(dates)
        store_names(FIRST, "late")
        return found

    assert cached_by_date("written", (PSZA,), [FIRST], writing)[FIRST] != ["late"]
    assert cached_by_date("written", (PSZA,), [FIRST], reader) == {FIRST: ["late"]}


def test_without_dates_nothing_is_read() -> None:
    assert Reader().names() == {}


def test_the_cache_is_bounded() -> None:
    days = [date.fromordinal(n) for n in range(1, MOST_DATES + 10)]
    cached_by_date("many", (), days, lambda dates: dict.fromkeys(dates, 0))
    assert len(_kept) == MOST_DATES
