"""Roster moves: trades, waivers, and for each game the active, benched and injured players."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from backfill.simulation.dates import LAST_DAY
from backfill.simulation.league import BENCH, DEEP, ROTATION, STAR, STARTER, TWO_WAY, Player
from backfill.simulation.schedule import TEAMS

TRADES = 28
TRADE_DAYS = 45, 113
# Most trades fall into the days before the deadline.
TRADE_PEAK = 108
WAIVED = 18
WAIVER_DAYS = 60, 125

FEWEST, MOST = 9, 13
# Minutes of missing regulars go to the end of the bench.
REGULARS = STAR, STARTER, ROTATION
REGULARS_PER_TEAM = sum(role.per_team for role in REGULARS)
OPENING_PER_MISSING = 0.1
BLOWOUT = 0.16
GARBAGE_TIME = 0.4


@dataclass(slots=True, kw_only=True)
class Squad:
    """A team's players for one game. `out` was known the night before, `scratched` was not."""

    team: int
    playing: list[Player] = field(default_factory=list)
    sitting: list[Player] = field(default_factory=list)
    scratched: list[Player] = field(default_factory=list)
    out: list[Player] = field(default_factory=list)

    @property
    def expected(self) -> list[Player]:
        """Return the players expected to play the night before."""
        return [*self.playing, *self.sitting, *self.scratched]


def swap(first: Player, second: Player, day: int) -> None:
    """Trade two players; each plays for the other's team from this day onward."""
    homes = first.stints[-1][2], second.stints[-1][2]
    for traded, team in zip((first, second), reversed(homes), strict=True):
        start, _, old = traded.stints.pop()
        traded.stints += [(start, day - 1, old), (day, LAST_DAY, team)]


def trade(everybody: list[Player], rng: Random) -> None:
    """Swap players of the same role between teams, each at most once."""
    for _ in range(TRADES):
        role = rng.choice((STAR, STARTER, ROTATION, ROTATION, BENCH, BENCH, DEEP))
        settled = [p for p in everybody if p.role is role and len(p.stints) == 1]
        first = rng.choice(settled)
        second = rng.choice([p for p in settled if p.stints[0][2] != first.stints[0][2]])
        swap(first, second, int(rng.triangular(*TRADE_DAYS, TRADE_PEAK)))


def waive(everybody: list[Player], rng: Random) -> None:
    """End some contracts at the end of the bench early, which makes room for call-ups."""
    for player in rng.sample(
        [p for p in everybody if p.role in (DEEP, TWO_WAY) and len(p.stints) == 1], WAIVED
    ):
        start, _, team = player.stints[0]
        player.stints = [(start, rng.randint(*WAIVER_DAYS), team)]


class Rosters:
    """Thirty rosters, advanced day by day in order."""

    def __init__(self, everybody: list[Player]) -> None:
        self.teams: list[list[Player]] = [[] for _ in TEAMS]
        moves = [
            (first, n, team, True) for n, p in enumerate(everybody) for first, _, team in p.stints
        ]
        moves += [
            (last + 1, n, team, False)
            for n, p in enumerate(everybody)
            for _, last, team in p.stints
        ]
        self.moves = sorted(moves, reverse=True)
        self.everybody = everybody

    def advance(self, day: int) -> None:
        """Carry out all moves up to this day."""
        while self.moves and self.moves[-1][0] <= day:
            _, number, team, joins = self.moves.pop()
            roster, player = self.teams[team], self.everybody[number]
            if joins:
                roster.append(player)
                roster.sort(key=lambda p: -p.role.minutes)
            else:
                roster.remove(player)


def chance(player: Player, missing: int, blowout: bool) -> float:
    """Return a fit player's chance to play. In a blowout the whole bench can play."""
    if player.role in REGULARS:
        return player.role.chance
    return (
        player.role.chance + OPENING_PER_MISSING * missing
    ) * player.trust + GARBAGE_TIME * blowout


def squad(team: int, roster: list[Player], day: int, blowout: bool, rng: Random) -> Squad:
    """Select the players of this day. `roster` is in depth order."""
    found = Squad(team=team)
    fit = [p for p in roster if not sort_out(found, p, day)]
    missing = REGULARS_PER_TEAM - sum(p.role in REGULARS for p in fit)
    for player in fit:
        if rng.random() < chance(player, missing, blowout) and len(found.playing) < MOST:
            found.playing.append(player)
        elif player.role in REGULARS:
            found.scratched.append(player)
        else:
            found.sitting.append(player)
    return reinforced(found, rng)


def sort_out(found: Squad, player: Player, day: int) -> bool:
    """Assign a hurt player to `out` or `scratched`; False if the player is fit."""
    spell = player.absence(day)
    if spell is None or day > spell[1]:
        return False
    # An injury of the last two days was not known when the context was written.
    fresh = day - spell[0] < 2 and spell[0] > 0
    (found.scratched if fresh else found.out).append(player)
    return True


def reinforced(found: Squad, rng: Random) -> Squad:
    """Return a squad with at least nine players; of the bench, only some dress."""
    while len(found.playing) < FEWEST and (found.sitting or found.scratched):
        bench = found.sitting or found.scratched
        found.playing.append(bench.pop(0))
    found.sitting = [p for p in found.sitting if p.role is BENCH or rng.random() < 0.25]
    return found
