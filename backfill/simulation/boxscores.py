"""Game results as Phase 3 rows: player, team defense and team offense summaries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from backfill.simulation.decimals import decimal, ratio, rounded
from backfill.simulation.games import REGULATION, Box, PlayerLine, Side
from backfill.simulation.league import Player
from backfill.simulation.schedule import TEAMS, SimulatedGame

GAMES_WRITTEN_AT = time(10)
CONTEXT_WRITTEN_AT = time(22)
FULL_USAGE = 10_000

# minutes and all counts of a player row: NULL for an inactive player, zero for a bench player
STATISTICS = 14
Row = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class GameHeading:
    """Values common to all rows of one game."""

    game_id: str
    day: date
    season_year: int
    fixture: SimulatedGame

    @cached_property
    def written(self) -> datetime:
        """Write time of the game's rows: the morning after."""
        return datetime.combine(self.day + timedelta(days=1), GAMES_WRITTEN_AT)

    @cached_property
    def foreseen(self) -> datetime:
        """Write time of the context rows: the evening before."""
        return datetime.combine(self.day - timedelta(days=1), CONTEXT_WRITTEN_AT)

    def teams(self, home: bool) -> tuple[str, str, bool]:
        """Return team, opponent and True for the home team."""
        first, second = self.fixture.teams if home else self.fixture.teams[::-1]
        return TEAMS[first], TEAMS[second], home


def usage(line: PlayerLine, chances: int, length: int) -> int:
    """Return the share of the team's chances that a player used while on court, in hundredths of a
    percent; at most all of them.
    """
    used = rounded(FULL_USAGE * line.chances * length, line.tenths * chances)
    return min(FULL_USAGE, used)


def true_shooting(line: PlayerLine) -> Decimal | None:
    """Return points per two chances; NULL without a shot."""
    return ratio(100 * line.points, 2 * line.chances, 3)


def identity(player: Player, head: GameHeading, home: bool) -> Row:
    """Return the first columns of a player row: player, game, teams."""
    whose = (player.lookup, player.uid, player.full_name, head.game_id, head.day, head.season_year)
    return (*whose, *head.teams(home))


def played(line: PlayerLine, chances: int, length: int) -> Row:
    """Return the statistics of a player with playing time."""
    makes = line.makes
    return (
        decimal(line.tenths, 1),
        line.points,
        line.shots,
        makes,
        line.paint,
        line.paint_makes,
        line.mid_range,
        line.mid_range_makes,
        line.threes,
        line.three_makes,
        line.assisted,
        makes - line.assisted,
        line.free_throws,
        line.free_throw_makes,
        decimal(usage(line, chances, length), 2),
        true_shooting(line),
    )


def player_rows(side: Side, head: GameHeading, length: int) -> Iterator[Row]:
    """Yield the rows of players who played, who sat on the bench, and who were scratched."""
    chances = side.chances
    for line in side.lines:
        yield (
            *identity(line.player, head, side.home),
            True,
            *played(line, chances, length),
            head.written,
        )
    nothing = (decimal(0, 1), *(0,) * (STATISTICS - 1), None, None)
    for player in side.squad.sitting:
        yield (*identity(player, head, side.home), True, *nothing, head.written)
    for player in side.squad.scratched:
        yield (*identity(player, head, side.home), False, *(None,) * len(nothing), head.written)


def rating(points: int, box: Box) -> Decimal | None:
    """Return points per 100 possessions."""
    return ratio(100 * 200 * points, box.possessions, 2)


def pace(box: Box) -> int:
    """Return possessions per 48 minutes, in tenths."""
    return rounded(10 * box.possessions * REGULATION, 200 * box.length)


def defense_row(side: Side, other: Side, box: Box, head: GameHeading) -> Row:
    """Return the defense row of a team, summed over the other side's players."""
    paint_makes = other.total("paint_makes")
    zones = ("paint_makes", "paint", "mid_range_makes", "mid_range", "three_makes", "threes")
    return (
        *(head.game_id, head.day, head.season_year, *head.teams(side.home)),
        *(other.total(zone) for zone in zones),
        2 * paint_makes,
        *side.blocks,
        other.points,
        rating(other.points, box),
        ratio(box.possessions, 200, 1),
        head.written,
    )


def offense_row(side: Side, other: Side, box: Box, head: GameHeading) -> Row:
    """Return the offense row of a team."""
    points = side.points
    facts = (points, decimal(pace(box), 1), rating(points, box), points > other.points)
    return (head.game_id, head.day, head.season_year, *head.teams(side.home), *facts, head.written)
