"""Which Phase 3 rows a run may read, in a few characters: output older than its input shows by
comparing them.

What `processed_at` cannot show counts too: a row that came late with an old one, a row edited in
place, a row removed.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, timedelta
from enum import Flag, auto
from functools import reduce
from itertools import accumulate, groupby
from operator import or_
from typing import Any, TypeVar, cast

from backfill.models import Run
from backfill.plan.planning import Key
from backfill.processors.registry import PROCESSORS
from backfill.statements import render
from backfill.status.upstream_causes import Phase3
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import SCHED, TDGS, UPGC
from validation.season import FIRST_MONTH, season_year
from validation.thresholds import TEAM_DEFENSE

T = TypeVar("T")


class InputChange(Flag):
    """Which of the rows that a run may read are other ones now."""

    WINDOWS = auto()
    CONTEXT = auto()

    @property
    def reason(self) -> str:
        """The change in one sentence."""
        return f"{' and '.join(what for part, what in PARTS_OF_REASON.items() if part in self)} have changed"


PARTS_OF_REASON = {InputChange.WINDOWS: "games before it", InputChange.CONTEXT: "its context rows"}
PARTS = {"w": InputChange.WINDOWS, "c": InputChange.CONTEXT}


class _Source:
    """One input table in one season. Digests are added up, so that those of any stretch of dates
    are one subtraction.
    """

    def __init__(self, table: Table, rows: Collection[Row]) -> None:
        self.dates = [row["game_date"] for row in rows]
        numbers = (
            int(_digest(str(table), str(row["game_date"]), row["digest"]), 16) for row in rows
        )
        self.so_far = list(accumulate(numbers, initial=0))

    def between(self, first: date, end: date) -> int:
        """The sum from one date on to before another."""
        return (
            self.so_far[bisect_left(self.dates, end)] - self.so_far[bisect_left(self.dates, first)]
        )


class _Reach:
    """How far back TDZA's windows reach: the only ones that forget. Whoever stopped playing keeps
    his old games in PSZA's,
    and season averages belong to PDC and ML.
    """

    def __init__(self, rows: Collection[Row]) -> None:
        self.games: dict[str, list[date]] = {}
        self.counting: dict[str, list[date]] = {}
        self.moved: list[tuple[date, date]] = [
            (row["day"], row["last"]) for row in rows if row["day"] < row["last"]
        ]
        for row in rows:
            self.games.setdefault(row["team"], []).append(row["day"])
            if row["counts"]:
                self.counting.setdefault(row["team"], []).append(row["day"])

    def since(self, day: date) -> date:
        """The oldest date that matters on a day: of the league's last days, or of a team's sample
        where that is older.
        """
        recent = day - timedelta(days=TEAM_DEFENSE.league_days)
        of_team = (
            bisect_left(days, day) - bisect_left(days, recent) for days in self.counting.values()
        )
        if sum(n >= TEAM_DEFENSE.league_games for n in of_team) < TEAM_DEFENSE.league_teams:
            return date.min  # the season's average stands in for the league's
        played = ((days, bisect_left(days, day)) for days in self.games.values())
        sample = TEAM_DEFENSE.sample_games
        oldest = min([recent, *(days[max(0, n - sample)] for days, n in played if n)])
        # All rows of a game compete, those too that stand on an older date than the one that
        # counts.
        return min([oldest, *(first for first, last in self.moved if last >= oldest)])


class _SeasonInputs:
    """The inputs of one season as they are now; whether they have been loaded again is asked once."""

    def __init__(self, year: int) -> None:
        self.year = year
        self._found: dict[str, Any] = {}

    @property
    def opening(self) -> date:
        """Opening night, before which nothing is read; the first of the season's days where there
        is none.
        """
        first = date(self.year, FIRST_MONTH, 1)
        return self._kept(
            "opening", (SCHED,), lambda: self._rows("opening-night", first)[0]["day"] or first
        )

    @property
    def reach(self) -> _Reach:
        return self._kept(
            "reach", (SCHED, TDGS), lambda: _Reach(self._rows("league-games", self.opening))
        )

    def source(self, table: Table) -> _Source:
        """The digests of one table."""

        def make() -> _Source:
            return _Source(table, self._rows("input-digests", self.opening, table=table))

        return self._kept(table.short, (SCHED, table), make)

    def _rows(self, name: str, start: date, **values: object) -> list[Row]:
        return warehouse().query(render(name, **values), {"season_start": start})

    def _kept(self, name: str, tables: Iterable[Table], make: Callable[[], T]) -> T:
        """What this process has made of the tables already, unless one of them has been loaded
        again since.
        """
        if name not in self._found:
            self._found[name] = cached_for_season(f"inputs {name}", self.year, tables, make)
        return cast("T", self._found[name])

    def signature(self, code: str, day: date) -> str:
        """`w` for what its windows may read on a date, `c` for its context rows of it; a processor
        has one of them or both.
        """
        sources = PROCESSORS[code].sources
        since = self.reach.since(day) if PROCESSORS[code].forgets else self.opening
        windows = [self.source(table).between(since, day) for table in sources if table is not UPGC]
        context = [
            self.source(table).between(day, day + timedelta(days=1))
            for table in sources
            if table is UPGC
        ]
        return " ".join(
            f"{part}{_digest(sums)[:8]}" for part, sums in (("w", windows), ("c", context)) if sums
        )


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def signatures(keys: Iterable[Key]) -> dict[Key, str]:
    """What the runs of these (processor, date) would read now, in at most 40 characters. Raises
    WarehouseError.
    """
    found: dict[Key, str] = {}
    for year, of_season in groupby(
        sorted(keys, key=lambda key: key[1]), lambda key: season_year(key[1])
    ):
        season = _SeasonInputs(year)
        found |= {(code, day): season.signature(code, day) for code, day in of_season}
    return found


def signature(code: str, day: date) -> str:
    """What a run of this processor and date would read now."""
    return signatures([(code, day)])[code, day]


def changes(runs: Iterable[Run]) -> dict[Key, InputChange]:
    """Of runs that were executed, those that would read other rows now than they did, and which.
    Raises WarehouseError.

    Of upstream's rows it says nothing: whether upstream ran again is seen by its runs.
    """
    of = {(run.processor, run.date): run for run in runs}
    now = signatures(key for key, run in of.items() if run.input_signature)
    found = {
        key: _difference(of[key].input_signature, text) for key, text in now.items()
    } | _by_time(of.keys() - now.keys(), of)
    return {key: change for key, change in found.items() if change}


def changed(run: Run) -> bool:
    """Whether a run that was executed would read other rows now than it did."""
    return bool(changes([run]))


def _difference(then: str, now: str) -> InputChange:
    """The parts of two signatures that differ."""
    pairs = set(then.split()) ^ set(now.split())
    return _together(PARTS[part[0]] for part in pairs)


def _by_time(keys: Collection[Key], runs: Mapping[Key, Run]) -> dict[Key, InputChange]:
    """Of runs that an older version made, which did not note what it read: what was processed since
    they began.
    """
    phase3 = Phase3.of([day for _, day in keys]) if keys else None
    newer = {key: phase3.newer(runs[key]) for key in keys} if phase3 else {}
    return {
        key: _together(InputChange.CONTEXT if t is UPGC else InputChange.WINDOWS for t in tables)
        for key, tables in newer.items()
    }


def _together(changes: Iterable[InputChange]) -> InputChange:
    return reduce(or_, changes, InputChange(0))
