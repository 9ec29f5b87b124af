"""Simulation of one game, shot by shot: minutes, shots by zone, free throws, blocks, turnovers, and
overtime until one team wins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from backfill.simulation.league import Player
from backfill.simulation.rosters import Squad

# Minutes are counted in tenths, as Phase 3 stores them.
REGULATION, OVERTIME = 480, 50
MOST_MINUTES, FEWEST_MINUTES = 440, 8
ON_COURT = 5

TEAM_SHOTS = 88.0
OVERTIME_SHOTS = 9.0
# Turnovers less offensive rebounds: possessions that a shot log does not show.
LOST_BALLS = 3.2
HOME_EDGE = 1.012

ZONES = ("paint", "paint_makes"), ("mid_range", "mid_range_makes"), ("threes", "three_makes")
# Blocks per miss in the paint, from mid-range, from three.
BLOCK_RATES = 0.26, 0.07, 0.015


@dataclass(slots=True, kw_only=True)
class PlayerLine:
    """Box score of one player."""

    player: Player
    tenths: int = 0
    fourth_quarter: int = 0
    paint: int = 0
    paint_makes: int = 0
    mid_range: int = 0
    mid_range_makes: int = 0
    threes: int = 0
    three_makes: int = 0
    assisted: int = 0
    free_throws: int = 0
    free_throw_makes: int = 0

    @property
    def shots(self) -> int:
        return self.paint + self.mid_range + self.threes

    @property
    def makes(self) -> int:
        return self.paint_makes + self.mid_range_makes + self.three_makes

    @property
    def points(self) -> int:
        return 2 * self.makes + self.three_makes + self.free_throw_makes

    @property
    def chances(self) -> int:
        """Shots and 0.44 of the free throws, in hundredths: the divisor of usage and true shooting."""
        return 100 * self.shots + 44 * self.free_throws


@dataclass(slots=True, kw_only=True)
class Side:
    squad: Squad
    home: bool
    quality: float
    lines: list[PlayerLine] = field(default_factory=list)
    lost_balls: int = 0
    blocks: tuple[int, ...] = ()

    @property
    def points(self) -> int:
        return sum(line.points for line in self.lines)

    @property
    def chances(self) -> int:
        """Shots and 0.44 of the free throws, in hundredths."""
        return sum(line.chances for line in self.lines)

    def total(self, stat: str) -> int:
        """Return the sum of one statistic over the players."""
        return sum(getattr(line, stat) for line in self.lines)


@dataclass(slots=True)
class Box:
    """Box score of one game: both sides, home first, and its length in tenths of a minute."""

    sides: tuple[Side, Side]
    length: int = REGULATION

    @property
    def possessions(self) -> int:
        """Possessions of one team, mean of both, in two-hundredths."""
        return sum(side.chances + 100 * side.lost_balls for side in self.sides)


def share_minutes(side: Side, rng: Random) -> None:
    """Distribute the game's minutes by role and luck; they add up to five full games."""
    weights = [line.player.minutes * rng.uniform(0.65, 1.25) for line in side.lines]
    scale = ON_COURT * REGULATION / sum(weights)
    for line, weight in zip(side.lines, weights, strict=True):
        line.tenths = min(MOST_MINUTES, max(FEWEST_MINUTES, int(weight * scale)))
    settle(side.lines, ON_COURT * REGULATION - side.total("tenths"))


def settle(lines: list[PlayerLine], missing: int) -> None:
    """Add the missing tenths, or take the excess, one player after the other within the limits."""
    for line in lines:
        change = max(FEWEST_MINUTES - line.tenths, min(missing, MOST_MINUTES - line.tenths))
        line.tenths += change
        missing -= change


def shoot(line: PlayerLine, shots: int, quality: float, rng: Random) -> None:
    draw = rng.random
    player = line.player
    paint_share, three_share = player.zones
    paint, mid_range, three = (chance * quality for chance in player.accuracy)
    for _ in range(shots):
        where = draw()
        if where < paint_share:
            line.paint += 1
            made = draw() < paint
            line.paint_makes += made
        elif where < paint_share + three_share:
            line.threes += 1
            made = draw() < three
            line.three_makes += made
        else:
            line.mid_range += 1
            made = draw() < mid_range
            line.mid_range_makes += made
        line.assisted += made and draw() < player.assisted


def shoot_free_throws(line: PlayerLine, shots: int, rng: Random) -> None:
    """Shoot two free throws for each foul that some shots draw."""
    rate, accuracy = line.player.free_throws
    taken = 2 * int(shots * rate / 2 + rng.random())
    line.free_throws += taken
    line.free_throw_makes += sum(rng.random() < accuracy for _ in range(taken))


def play(side: Side, lines: list[PlayerLine], shots: float, rng: Random) -> None:
    """Let some players of a side take its shots of a period, by minutes, usage and the form of the
    night.
    """
    weights = [line.tenths * line.player.usage * rng.uniform(0.3, 1.7) for line in lines]
    scale = shots / sum(weights)
    for line, weight in zip(lines, weights, strict=True):
        count = int(weight * scale + rng.random())
        shoot(line, count, side.quality, rng)
        shoot_free_throws(line, count, rng)


def play_overtime(box: Box, rng: Random) -> None:
    """Play five more minutes with the five players who played most."""
    box.length += OVERTIME
    for side in box.sides:
        five = sorted(side.lines, key=lambda line: -line.tenths)[:ON_COURT]
        for line in five:
            line.tenths += OVERTIME
        play(side, five, OVERTIME_SHOTS, rng)


def blocked(misses: int, rate: float, rng: Random) -> int:
    """Return the number of a zone's misses that were blocked."""
    return min(misses, int(misses * rate * rng.uniform(0.3, 1.7) + rng.random()))


def block(side: Side, other: Side, rng: Random) -> None:
    """Block some of the other side's misses."""
    misses = (other.total(shots) - other.total(makes) for shots, makes in ZONES)
    side.blocks = tuple(
        blocked(missed, rate, rng) for missed, rate in zip(misses, BLOCK_RATES, strict=True)
    )


def fourth_quarter(line: PlayerLine, rng: Random) -> int:
    """Return a player's minutes in the last quarter, overtime included."""
    return int(line.tenths / 10 * rng.uniform(0.1, 0.33) + rng.random())


def play_game(
    home: Squad, away: Squad, strength: tuple[float, float], pace: float, rng: Random
) -> Box:
    """Play one game. `strength` multiplies each side's accuracy, `pace` the number of shots."""
    sides = (
        Side(squad=home, home=True, quality=strength[0] * HOME_EDGE),
        Side(squad=away, home=False, quality=strength[1] / HOME_EDGE),
    )
    box, tempo = Box(sides), TEAM_SHOTS * pace * rng.uniform(0.94, 1.06)
    for side in sides:
        side.lines = [PlayerLine(player=player) for player in side.squad.playing]
        share_minutes(side, rng)
        play(side, side.lines, tempo, rng)
        side.lost_balls = round(rng.gauss(LOST_BALLS, 2.5))
    while sides[0].points == sides[1].points:
        play_overtime(box, rng)
    for side, other in (sides, sides[::-1]):
        block(side, other, rng)
        for line in side.lines:
            line.fourth_quarter = fourth_quarter(line, rng)
    return box
