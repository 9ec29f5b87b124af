"""Typical faults, planted one by one and recorded, so that a test knows the exact findings to
expect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from operator import itemgetter
from random import Random

from backfill.simulation.boxscores import Row
from backfill.simulation.season import SimulatedSeason, dates, generator
from backfill.warehouse.tables import INPUTS

GAME_TABLES = ("PGS", "TDGS", "TOGS")
PHASE_3 = (*GAME_TABLES, "UPGC", "UTGC")
PLACES = {table.short: {name: n for n, name in enumerate(table.names)} for table in INPUTS}
ENOUGH_GAMES = 5
NULL_DAYS = 7
EXCESS = 2
Change = Callable[[list[Row]], list[Row]]
DRAFT_WRITTEN_EARLIER = timedelta(hours=4)
LATE_WRITTEN_LATER = timedelta(days=3)


class FaultKind(StrEnum):
    DUPLICATE_ROWS = "duplicate rows"
    MAKES_ABOVE_ATTEMPTS = "makes above attempts"
    HALF_THE_PLAYERS = "half the players"
    NO_ROWS = "no rows"
    NULL_ZONE = "NULL zone"
    LATE_FILE = "late file"


# Earliest day of each fault: far enough apart to never overlap, and early, so that a job over two
# months covers all of them.
FIRST_DAYS = {
    FaultKind.DUPLICATE_ROWS: 19,
    FaultKind.MAKES_ABOVE_ATTEMPTS: 25,
    FaultKind.HALF_THE_PLAYERS: 31,
    FaultKind.NO_ROWS: 39,
    FaultKind.NULL_ZONE: 46,
    FaultKind.LATE_FILE: 57,
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Planted fault: location, by tables' short names, and a sentence about it. Empty means all."""

    kind: FaultKind
    dates: tuple[date, ...]
    tables: tuple[str, ...]
    sentence: str
    entities: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    game_id: str | None = None


@dataclass(frozen=True)
class FaultySeason:
    """Season as loaded first, the same season with its late file, and its faults.

    `late` is complete, since a load replaces a season; it still has every fault but the late file.
    """

    season: SimulatedSeason
    late: SimulatedSeason
    faults: tuple[Fault, ...]


def in_order(short: str, rows: list[Row]) -> list[Row]:
    """Sort rows by date, stable within a date."""
    return sorted(rows, key=itemgetter(PLACES[short]["game_date"]))


@dataclass(kw_only=True)
class Planting:
    """Tables while faults are planted into them."""

    season: SimulatedSeason
    rng: Random
    tables: dict[str, list[Row]] = field(default_factory=dict)
    late: list[Row] = field(default_factory=list)

    def change(self, short: str, days: tuple[date, ...], rows: Change) -> None:
        """Replace the rows of some dates; the rest stays, in its order."""
        place = PLACES[short]["game_date"]
        found = [row for row in self.tables[short] if row[place] in days]
        kept = [row for row in self.tables[short] if row[place] not in days]
        self.tables[short] = in_order(short, kept + rows(found))

    def rows(self, short: str, day: date) -> list[Row]:
        """Return the rows of one date."""
        return [row for row in self.tables[short] if row[PLACES[short]["game_date"]] == day]


def edited(row: Row, short: str, **values: object) -> Row:
    """Copy a row with some columns changed."""
    cells = list(row)
    for name, value in values.items():
        cells[PLACES[short][name]] = value
    return tuple(cells)


def restamped(row: Row, short: str, shift: timedelta) -> Row:
    """Copy a row as if written at another time."""
    return edited(row, short, processed_at=row[PLACES[short]["processed_at"]] + shift)


def duplicate_rows(planting: Planting, day: date) -> Fault:
    """Add an earlier copy of each game row, as when Phase 3 ran twice."""
    for short in GAME_TABLES:
        drafts = [
            restamped(row, short, -DRAFT_WRITTEN_EARLIER) for row in planting.rows(short, day)
        ]
        planting.tables[short] = in_order(short, planting.tables[short] + drafts)
    return Fault(
        kind=FaultKind.DUPLICATE_ROWS,
        dates=(day,),
        tables=GAME_TABLES,
        sentence=f"every game row of {day} is there twice, once with an earlier processed_at",
    )


def makes_above_attempts(planting: Planting, day: date) -> Fault:
    """Give one player more field goals than attempts."""
    at = PLACES["PGS"]
    row = planting.rng.choice(
        [r for r in planting.rows("PGS", day) if (r[at["fg_attempts"]] or 0) > ENOUGH_GAMES]
    )
    attempts, player = row[at["fg_attempts"]], row[at["player_lookup"]]
    bad = edited(row, "PGS", fg_makes=attempts + EXCESS)
    planting.change("PGS", (day,), lambda rows: [bad if r is row else r for r in rows])
    sentence = f"{player} has {attempts + EXCESS} fg_makes of {attempts} fg_attempts on {day}"
    return Fault(
        kind=FaultKind.MAKES_ABOVE_ATTEMPTS,
        dates=(day,),
        tables=("PGS",),
        sentence=sentence,
        entities=(player,),
        columns=("fg_makes",),
        game_id=row[at["game_id"]],
    )


def half_the_players(planting: Planting, day: date) -> Fault:
    """Remove every second player of a date from game and context, as when Phase 3 was interrupted."""
    lost = tuple(sorted(row[0] for row in planting.rows("PGS", day)))[1::2]
    for short in ("PGS", "UPGC"):
        planting.change(short, (day,), lambda rows: [row for row in rows if row[0] not in lost])
    sentence = f"{len(lost)} players, every second one, are missing on {day}"
    return Fault(
        kind=FaultKind.HALF_THE_PLAYERS,
        dates=(day,),
        tables=("PGS", "UPGC"),
        sentence=sentence,
        entities=lost,
    )


def no_rows(planting: Planting, day: date) -> Fault:
    """Remove all Phase 3 rows of a date with final games."""
    for short in PHASE_3:
        planting.change(short, (day,), lambda rows: [])
    return Fault(
        kind=FaultKind.NO_ROWS,
        dates=(day,),
        tables=PHASE_3,
        sentence=f"no Phase 3 table has a row for {day}",
    )


def null_zone(planting: Planting, day: date) -> Fault:
    """Remove the mid-range shots of a week."""
    columns = ("mid_range_attempts", "mid_range_makes")
    week = tuple(d for d in dates(planting.season) if day <= d < day + timedelta(days=NULL_DAYS))
    planting.change(
        "PGS", week, lambda rows: [edited(row, "PGS", **dict.fromkeys(columns)) for row in rows]
    )
    sentence = f"mid-range shots of all players are NULL from {week[0]} to {week[-1]}"
    return Fault(
        kind=FaultKind.NULL_ZONE, dates=week, tables=("PGS",), sentence=sentence, columns=columns
    )


def late_file(planting: Planting, day: date) -> Fault:
    """Delay the player rows of a date; they arrive days later."""
    planting.late = [restamped(row, "PGS", LATE_WRITTEN_LATER) for row in planting.rows("PGS", day)]
    planting.change("PGS", (day,), lambda rows: [])
    return Fault(
        kind=FaultKind.LATE_FILE,
        dates=(day,),
        tables=("PGS",),
        sentence=f"the player rows of {day} are missing until the late file is loaded",
    )


PLANTERS: dict[FaultKind, Callable[[Planting, date], Fault]] = {
    FaultKind.DUPLICATE_ROWS: duplicate_rows,
    FaultKind.MAKES_ABOVE_ATTEMPTS: makes_above_attempts,
    FaultKind.HALF_THE_PLAYERS: half_the_players,
    FaultKind.NO_ROWS: no_rows,
    FaultKind.NULL_ZONE: null_zone,
    FaultKind.LATE_FILE: late_file,
}


def busy_date(season: SimulatedSeason, first_day: int) -> date:
    """Return the first date from a day onward with enough games to make a fault visible."""
    played = [row[PLACES["SCHED"]["game_date"]] for row in season.tables["SCHED"]]
    earliest = played[0] + timedelta(days=first_day)
    return next(d for d in dates(season) if d >= earliest and played.count(d) >= ENOUGH_GAMES)


def plant_faults(season: SimulatedSeason) -> FaultySeason:
    """Plant one fault of each kind, without changing the season given."""
    planting = Planting(
        season=season, rng=generator(season.year, season.seed, "faults"), tables=dict(season.tables)
    )
    shift = planting.rng.randint(0, 1)
    faults = tuple(
        plant(planting, busy_date(season, FIRST_DAYS[kind] + shift))
        for kind, plant in PLANTERS.items()
    )
    late = {**planting.tables, "PGS": in_order("PGS", planting.tables["PGS"] + planting.late)}
    return FaultySeason(
        replace(season, tables=planting.tables), replace(season, tables=late), faults
    )
