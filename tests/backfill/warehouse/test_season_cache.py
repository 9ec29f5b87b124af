"""A process keeps the derived values of few seasons, so that its memory does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backfill.warehouse.season_cache import (
    MOST_SEASONS,
    MOST_SEASONS_OF_A_WORKER,
    cached_for_all_seasons,
    cached_for_season,
    limit_seasons,
)
from backfill.warehouse.tables import SCHED

pytestmark = pytest.mark.usefixtures("season")


@pytest.fixture
def as_in_a_worker() -> Iterator[None]:
    limit_seasons(MOST_SEASONS_OF_A_WORKER)
    yield
    limit_seasons(MOST_SEASONS)


@pytest.fixture
def made() -> list[int]:
    """The seasons whose values were computed, in order."""
    return []


def ask(year: int, made: list[int], name: str = "value") -> int:
    def make() -> int:
        made.append(year)
        return year

    return cached_for_season(name, year, (SCHED,), make)


@pytest.fixture
def no_folder(tmp_path: Path, settings: Any) -> None:
    """Let DATA_DIR be unwritable."""
    (tmp_path / "file").touch()
    settings.VAR = tmp_path / "file"


@pytest.mark.usefixtures("as_in_a_worker", "no_folder")
def test_a_worker_keeps_the_values_of_two_seasons(made: list[int]) -> None:
    for year in range(2001, 2031):
        assert [ask(year, made, "a"), ask(year, made, "a")] == [year, year]
    assert made == list(range(2001, 2031))
    ask(2029, made, "a")
    ask(2028, made, "a")
    assert made[30:] == [2028]


@pytest.mark.usefixtures("as_in_a_worker")
def test_the_values_of_all_seasons_stay(made: list[int]) -> None:
    def make() -> int:
        made.append(0)
        return 0

    for year in range(2001, 2005):
        cached_for_all_seasons("b", (SCHED,), make)
        ask(year, made, "b")
    assert made.count(0) == 1


def test_the_panel_keeps_more(made: list[int]) -> None:
    for year in (*range(2001, 2001 + MOST_SEASONS), *range(2001, 2001 + MOST_SEASONS)):
        ask(year, made, "c")
    assert len(made) == MOST_SEASONS
