"""Pregame context of the evening before: form, rest, expected usage and pace, from earlier games
only.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from backfill.simulation.boxscores import GameHeading, Row, pace, usage
from backfill.simulation.decimals import decimal, ratio, rounded
from backfill.simulation.games import Box, PlayerLine, Side
from backfill.simulation.league import STAR, Player
from backfill.simulation.rosters import Squad
from backfill.simulation.schedule import TEAMS

SHORT_WINDOW, LONG_WINDOW = 7, 14
USAGE_GAMES = 7
PACE_GAMES = 10
PHASE = "regular"

# Hundredths of a percent of usage that a missing star leaves to each teammate.
USAGE_PER_STAR_OUT = 120
BACK_FROM_INJURY_DAYS = 4
PROBABLE, QUESTIONABLE = 0.03, 0.015

HALF_POINT = 5


@dataclass(slots=True, kw_only=True)
class Form:
    """A player's games so far, oldest first: day, tenths of a minute, fourth-quarter minutes,
    usage.
    """

    days: list[int] = field(default_factory=list)
    tenths: list[int] = field(default_factory=list)
    fourth_quarters: list[int] = field(default_factory=list)
    usages: list[int] = field(default_factory=list)

    def add(self, day: int, line: PlayerLine, used: int) -> None:
        """Remember a game."""
        self.days.append(day)
        self.tenths.append(line.tenths)
        self.fourth_quarters.append(line.fourth_quarter)
        self.usages.append(used)

    def rest(self, day: int) -> int | None:
        """Return the days since the player's previous game; None before the first."""
        return day - self.days[-1] if self.days else None

    def second_nights(self, start: int) -> int:
        """Count games from index `start` that followed a game on the day before, even one outside
        the window.
        """
        return sum(
            self.days[n] - self.days[n - 1] == 1 for n in range(max(1, start), len(self.days))
        )

    def workload(self, day: int) -> Row:
        """Return the columns from games_in_last_7_days to fourth_quarter_minutes_last_7."""
        week, fortnight = (
            bisect_left(self.days, day - window) for window in (SHORT_WINDOW, LONG_WINDOW)
        )
        short, long, games = sum(self.tenths[week:]), sum(self.tenths[fortnight:]), len(self.days)
        return (
            games - week,
            games - fortnight,
            self.second_nights(fortnight),
            rounded(short, 10),
            rounded(long, 10),
            ratio(short, 10 * (games - week), 1),
            sum(self.fourth_quarters[week:]),
        )

    def usage(self) -> int | None:
        """Return the mean usage of the last games, in hundredths of a percent."""
        latest = self.usages[-USAGE_GAMES:]
        return rounded(sum(latest), len(latest)) if latest else None


@dataclass(slots=True)
class Tempo:
    """A team's games so far: last day and pace of each, in tenths."""

    day: int | None = None
    paces: list[int] = field(default_factory=list)

    def rest(self, day: int) -> int | None:
        """Return the days since the team's previous game."""
        return None if self.day is None else day - self.day

    def pace(self) -> int | None:
        """Return the mean pace of the last games, in tenths."""
        latest = self.paces[-PACE_GAMES:]
        return rounded(sum(latest), len(latest)) if latest else None


def status(player: Player, squad: Squad, day: int, rng: Random) -> str:
    """Return the injury report, of the evening before, for a player expected to play."""
    draw, spell = rng.random(), player.absence(day)
    if player in squad.scratched:
        return "questionable" if draw < 0.6 else "doubtful" if draw < 0.9 else "out"
    if spell and day - spell[1] <= BACK_FROM_INJURY_DAYS:
        return "questionable" if draw < 0.4 else "probable"
    return (
        "probable"
        if draw < PROBABLE
        else "questionable"
        if draw < PROBABLE + QUESTIONABLE
        else "available"
    )


class SeasonMemory:
    """Form and tempo from the games played so far."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.forms: defaultdict[str, Form] = defaultdict(Form)
        self.tempos = [Tempo() for _ in TEAMS]

    def remember(self, day: int, box: Box) -> None:
        """Record a game."""
        for side in box.sides:
            tempo, chances = self.tempos[side.squad.team], side.chances
            tempo.day = day
            tempo.paces.append(pace(box))
            for line in side.lines:
                self.forms[line.player.lookup].add(day, line, usage(line, chances, box.length))

    def player_rows(
        self, squad: Squad, opponent: int, head: GameHeading, home: bool
    ) -> Iterator[Row]:
        """Yield a row for each player expected to play."""
        team, day = head.teams(home), head.fixture.day
        stars = sum(p.role is STAR for p in squad.out)
        tempo = self.tempo(squad.team, opponent, day)
        for player in squad.expected:
            form = self.forms[player.lookup]
            rest = form.rest(day)
            yield (
                *(
                    player.lookup,
                    player.uid,
                    head.game_id,
                    head.day,
                    *team,
                    rest,
                    None if rest is None else rest == 1,
                ),
                *form.workload(day),
                player.age(head.day),
                *self.usages(player, form, stars),
                stars,
                *tempo,
                status(player, squad, day, self.rng),
                PHASE,
                head.foreseen,
            )

    def usages(self, player: Player, form: Form, stars_out: int) -> Row:
        """Return projected usage, by role before a player's first game, and the mean of the last
        games.
        """
        recent = form.usage()
        base = round(100 * player.usage) if recent is None else recent
        projected = min(10_000, base + USAGE_PER_STAR_OUT * stars_out)
        return decimal(projected, 2), None if recent is None else decimal(recent, 2)

    def tempo(self, team: int, opponent: int, day: int) -> Row:
        """Return the expected pace (mean of both teams) minus the team's own, the opponent's pace
        and the opponent's rest.
        """
        own, other = self.tempos[team].pace(), self.tempos[opponent].pace()
        differential = None if own is None or other is None else ratio(other - own, 20, 1)
        return (
            differential,
            None if other is None else decimal(other, 1),
            self.tempos[opponent].rest(day),
        )


def team_rows(
    head: GameHeading, strength: tuple[float, float], sides: tuple[Side, Side]
) -> Iterator[Row]:
    """Betting lines of a game: total and spread in half points, the favorite's spread negative."""
    home, away = strength
    total = round(2 * 113.5 * (home + away)) * HALF_POINT
    spread = round(2 * (120 * (away - home) - 2.5)) * HALF_POINT
    for side, sign in zip(sides, (1, -1), strict=True):
        lines = decimal(total, 1), decimal(sign * spread, 1)
        yield (head.game_id, head.day, *head.teams(side.home), *lines, head.foreseen)
