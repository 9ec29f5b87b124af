"""Signatures of the Phase 3 rows that a run may read. A changed signature means stale output.

They also cover changes that `processed_at` misses: rows that arrived late with an old timestamp,
edited rows and removed rows.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Flag, auto
from functools import reduce
from itertools import accumulate, groupby
from operator import or_
from typing import Any, TypeVar, cast

from backfill.models import Key, Run
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import load_calendar
from backfill.statements import render
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row, Warehouse
from backfill.warehouse.schema import Table
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import INPUTS, SCHED, TDGS, UPGC
from validation.season import Calendar
from validation.thresholds import TEAM_DEFENSE

T = TypeVar("T")


class Phase3:
    """Time of the newest Phase 3 row that a run may read; one query for any number of dates."""

    def __init__(self, rows: Iterable[Row], calendar: Calendar) -> None:
        self._on: dict[tuple[str, date], datetime] = {}
        by_season: dict[tuple[str, int], list[tuple[date, datetime]]] = {}
        self._calendar = calendar
        for row in sorted(rows, key=lambda r: r["game_date"]):
            name, day, newest = row["name"], row["game_date"], row["newest"].replace(tzinfo=UTC)
            self._on[name, day] = newest
            by_season.setdefault((name, self._calendar.season_year(day)), []).append((day, newest))
        self._dates = {key: [day for day, _ in found] for key, found in by_season.items()}
        self._so_far = {
            key: list(accumulate((at for _, at in found), max)) for key, found in by_season.items()
        }

    @classmethod
    def of(cls, days: Collection[date], session: Warehouse | None = None) -> Phase3:
        """Query the seasons of these dates, up to the last date."""
        calendar = load_calendar(session)
        first, _ = calendar.seasons.bounds(calendar.season_year(min(days)))
        sources = tuple(dict.fromkeys(s for p in PROCESSORS.values() for s in p.sources))
        sql = render("newest-input-rows", sources=sources)
        rows = (session or warehouse()).query(sql, {"first": first, "last": max(days)})
        return cls(rows, calendar)

    def newest(self, source: Table, day: date) -> datetime | None:
        """Return the time of the newest context row of the date, or of the newest earlier game."""
        if source is UPGC:
            return self._on.get((str(source), day))
        key = str(source), self._calendar.season_year(day)
        before = bisect_left(self._dates.get(key, []), day)
        return self._so_far[key][before - 1] if before else None

    def newer(self, run: Run) -> set[Table]:
        """Return the sources with rows that are newer than the run or that it did not find."""
        sources, began = (
            PROCESSORS[run.processor].sources,
            run.started_at or datetime.max.replace(tzinfo=UTC),
        )
        was_empty = sources[:1] if run.status == Run.Status.FAILED and run.population == 0 else ()
        return {
            t
            for t in sources
            if (at := self.newest(t, run.date)) and (t in was_empty or at > began)
        }


class InputChange(Flag):
    """Parts of a run's input that changed, or its output."""

    WINDOWS = auto()
    CONTEXT = auto()
    OUTPUT = auto()

    @property
    def reason(self) -> str:
        """Describe the change in one sentence."""
        parts = [text for part, text in PARTS_OF_REASON.items() if part in self]
        changed = f"{' and '.join(parts)} changed since this run" if parts else ""
        lost = "an unrecorded attempt wrote over its output" if self.OUTPUT in self else ""
        return "; ".join(filter(None, (changed, lost)))


PARTS_OF_REASON = {InputChange.WINDOWS: "earlier games", InputChange.CONTEXT: "context rows"}
# Part of the signature of a run whose output was overwritten; equal to no current part.
OVERWRITTEN = "overwritten"
PARTS = {"w": InputChange.WINDOWS, "c": InputChange.CONTEXT, "o": InputChange.OUTPUT}


class _Source:
    """Input table of one season, as running sums of digests.

    The sum of any range of dates is one subtraction.
    """

    def __init__(self, table: Table, rows: Collection[Row]) -> None:
        self.dates = [row["game_date"] for row in rows]
        numbers = (
            int(_digest(str(table), str(row["game_date"]), row["digest"]), 16) for row in rows
        )
        self.so_far = list(accumulate(numbers, initial=0))

    def between(self, first: date, end: date) -> int:
        """Return the sum from `first` up to but not including `end`."""
        return (
            self.so_far[bisect_left(self.dates, end)] - self.so_far[bisect_left(self.dates, first)]
        )


class _Reach:
    """Oldest game dates in TDZA's windows, the only windows that drop old games.

    PSZA keeps the old games of inactive players; PDC and ML use season averages.
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
        """Return the oldest date in the league's window or in a team's sample on a day."""
        recent = day - timedelta(days=TEAM_DEFENSE.league_days)
        of_team = (
            bisect_left(days, day) - bisect_left(days, recent) for days in self.counting.values()
        )
        if sum(n >= TEAM_DEFENSE.league_games for n in of_team) < TEAM_DEFENSE.league_teams:
            return date.min  # too few teams: the season average replaces the league average
        played = ((days, bisect_left(days, day)) for days in self.games.values())
        sample = TEAM_DEFENSE.sample_games
        oldest = min([recent, *(days[max(0, n - sample)] for days, n in played if n)])
        # A moved game also has rows on its original, older date.
        return min([oldest, *(first for first, last in self.moved if last >= oldest)])


class _SeasonInputs:
    """Current inputs of one season; checks once for newly loaded tables. Those of another warehouse
    than the configured one are not cached.
    """

    def __init__(self, year: int, calendar: Calendar, session: Warehouse | None = None) -> None:
        self.year, self._session = year, session
        # Opening night, the first date read; without games, the first day of the season.
        self.opening = calendar.starts.get(year) or calendar.seasons.bounds(year)[0]
        self._found: dict[str, Any] = {}

    @property
    def reach(self) -> _Reach:
        return self._kept(
            "reach", (SCHED, TDGS), lambda: _Reach(self._rows("league-games", self.opening))
        )

    def source(self, table: Table) -> _Source:
        """Return the digests of one table."""

        def make() -> _Source:
            return _Source(table, self._rows("input-digests", self.opening, table=table))

        return self._kept(table.short, (SCHED, table), make)

    def _rows(self, name: str, start: date, **values: object) -> list[Row]:
        session = self._session or warehouse()
        return session.query(render(name, **values), {"season_start": start})

    def _kept(self, name: str, tables: Iterable[Table], make: Callable[[], T]) -> T:
        """Return a value cached in this process until one of its tables is loaded again."""
        if name not in self._found and self._session:
            self._found[name] = make()
        elif name not in self._found:
            self._found[name] = cached_for_season(f"inputs {name}", self.year, tables, make)
        return cast("T", self._found[name])

    def signature(self, code: str, day: date) -> str:
        """Return `w` plus a digest of the window rows, `c` plus a digest of the context rows.

        A processor has one part or both.
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


def signatures(keys: Iterable[Key], session: Warehouse | None = None) -> dict[Key, str]:
    """Return the current input signature per (processor, date), at most 40 characters each.

    `session` is a warehouse with other inputs. Raises WarehouseError.
    """
    found: dict[Key, str] = {}
    calendar, by_date = load_calendar(session), sorted(keys, key=lambda key: key[1])
    for year, of_season in groupby(by_date, lambda key: calendar.season_year(key[1])):
        season = _SeasonInputs(year, calendar, session)
        found |= {(code, day): season.signature(code, day) for code, day in of_season}
    return found


def of_season(year: int) -> dict[Key, str]:
    """Return the current signatures of a whole season, cached until it is loaded again."""
    calendar = load_calendar()

    def make() -> dict[Key, str]:
        days = [day.day for day in calendar.season(year) if day.is_computed]
        return signatures((code, day) for day in days for code in PROCESSORS)

    return cached_for_season(f"signatures {' '.join(PROCESSORS)}", year, INPUTS, make)


def signature(code: str, day: date) -> str:
    """Return the current input signature of a processor and date."""
    return signatures([(code, day)])[code, day]


def changes(runs: Iterable[Run], session: Warehouse | None = None) -> dict[Key, InputChange]:
    """Return the executed runs whose Phase 3 input changed, each with its changed parts.

    Upstream Phase 4 rows are not covered: a new upstream run shows their change. `session` is a
    warehouse with other inputs. Raises WarehouseError.
    """
    of = {(run.processor, run.date): run for run in runs}
    now = signatures((key for key, run in of.items() if run.input_signature), session)
    found = {
        key: difference(of[key].input_signature, text) for key, text in now.items()
    } | _by_time(of.keys() - now.keys(), of, session)
    return {key: change for key, change in found.items() if change}


def changed(run: Run) -> bool:
    """Return True if the input of an executed run changed."""
    return bool(changes([run]))


def difference(then: str, now: str) -> InputChange:
    """Return the parts in which two signatures differ."""
    pairs = set(then.split()) ^ set(now.split())
    return _together(PARTS[part[0]] for part in pairs)


def _by_time(
    keys: Collection[Key], runs: Mapping[Key, Run], session: Warehouse | None
) -> dict[Key, InputChange]:
    """Return the input changes of runs without a stored signature, by `processed_at`.

    Versions before signatures existed made these runs.
    """
    phase3 = Phase3.of([day for _, day in keys], session) if keys else None
    newer = {key: phase3.newer(runs[key]) for key in keys} if phase3 else {}
    return {
        key: _together(InputChange.CONTEXT if t is UPGC else InputChange.WINDOWS for t in tables)
        for key, tables in newer.items()
    }


def _together(changes: Iterable[InputChange]) -> InputChange:
    return reduce(or_, changes, InputChange(0))
