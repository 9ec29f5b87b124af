"""Pairings by day: the league's usual schedule, spread so that all teams keep pace and rest."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from backfill.simulation.dates import MOST_GAMES_A_DATE, games_by_day

Pair = tuple[int, int]

TEAM_GAMES = 82

# Six divisions of five, three to a conference: the pairings below depend on this order.
TEAMS = (
    *("BOS", "BKN", "NYK", "PHI", "TOR"),
    *("CHI", "CLE", "DET", "IND", "MIL"),
    *("ATL", "CHA", "MIA", "ORL", "WAS"),
    *("DEN", "MIN", "OKC", "POR", "UTA"),
    *("GSW", "LAC", "LAL", "PHX", "SAC"),
    *("DAL", "HOU", "MEM", "NOP", "SAS"),
)

# Weights of the greedy choice: they give about fourteen back-to-backs per team, as in a real
# season.
BACK_TO_BACK_COST = 0.75
THIRD_NIGHT_COST = 100.0
NEVER = -50.0
LAG_WEIGHT = 0.4
REMATCH_COST = 4.0
REMATCH_DAYS = 8
PAIR_WEIGHT = 0.5
CHANCE = 1.2


@dataclass(frozen=True, order=True)
class SimulatedGame:
    """Scheduled game: day index, home and away team (indices into TEAMS)."""

    day: int
    home: int
    away: int

    @property
    def teams(self) -> tuple[int, int]:
        """Home team first."""
        return self.home, self.away


def home_games(home: int, away: int, turn: int) -> int:
    """Return how often `home` receives `away`: 2 in its division and for most of its conference, 1
    across conferences.
    """
    if home // 15 != away // 15:
        return 1
    if home // 5 == away // 5:
        return 2
    # Three of five teams of another division meet four times, two of them three times, rotating by
    # year.
    low, high = min(home, away), max(home, away)
    offset = (high % 5 - low % 5 + turn) % 5
    return 1 if (offset == 3 and home == high) or (offset == 4 and home == low) else 2


def pairings(year: int) -> dict[Pair, int]:
    """Return the games left per (home, away)."""
    teams = range(len(TEAMS))
    return {(h, a): home_games(h, a, year) for h in teams for a in teams if h != a}


class ScheduleDraft:
    """Unfinished schedule."""

    def __init__(self, year: int, rng: Random) -> None:
        self.rng = rng
        self.left = pairings(year)
        self.targets = games_by_day(year, rng)
        self.by_day: dict[int, list[Pair]] = {day: [] for day in sorted(self.targets)}
        self.busy: list[set[int]] = [set() for _ in TEAMS]
        self.met: dict[Pair, int] = {}

    def place(self, day: int, pair: Pair) -> None:
        """Play one of the pair's games on this day."""
        self.left[pair] -= 1
        if not self.left[pair]:
            del self.left[pair]
        self.by_day[day].append(pair)
        self.met[pair[0], pair[1]] = self.met[pair[1], pair[0]] = day
        for team in pair:
            self.busy[team].add(day)

    def tiredness(self, team: int, day: int) -> float:
        """Return the cost of one more game on this day, from the team's games on the days around
        it.
        """
        busy = self.busy[team]
        before, after = day - 1 in busy, day + 1 in busy
        third = (before and (after or day - 2 in busy)) or (after and day + 2 in busy)
        return THIRD_NIGHT_COST * third + BACK_TO_BACK_COST * (before + after)

    def keenness(self, team: int, day: int, share: float) -> float:
        """Return a team's priority on this day: games it lags behind, less tiredness, plus a little
        luck.
        """
        lag = share * TEAM_GAMES - len(self.busy[team])
        return LAG_WEIGHT * lag - self.tiredness(team, day) + self.rng.uniform(0, CHANCE)

    def fill(self, day: int, share: float) -> None:
        """Choose a day's games: teams that lag and are rested first. `share` of the season is due
        by the end of the day.
        """
        keen = [self.keenness(team, day, share) for team in range(len(TEAMS))]
        ahead = 1 / max(0.02, 1 - share)
        scored = sorted(
            ((self.score(p, day, keen, ahead * n), p) for p, n in self.left.items()), reverse=True
        )
        for score, (home, away) in scored:
            if len(self.by_day[day]) == self.targets[day] or score < NEVER:
                return
            if day not in self.busy[home] and day not in self.busy[away]:
                self.place(day, (home, away))

    def score(self, pair: Pair, day: int, keen: list[float], urgency: float) -> float:
        """Return the priority of this game on this day."""
        rematch = REMATCH_COST if day - self.met.get(pair, -REMATCH_DAYS) < REMATCH_DAYS else 0.0
        return keen[pair[0]] + keen[pair[1]] + PAIR_WEIGHT * min(urgency, 6.0) - rematch

    def squeeze_in(self) -> None:
        """Place the remaining games on the days with the lowest cost."""
        for pair in sorted(p for p, n in self.left.items() for _ in range(n)):
            self.place(min(self.by_day, key=lambda day: self.cost(day, pair)), pair)

    def cost(self, day: int, pair: Pair) -> float:
        """Return the cost of one more game on a day; infinite if impossible or crowding opening
        night.
        """
        home, away = pair
        games = len(self.by_day[day])
        if (
            day in self.busy[home]
            or day in self.busy[away]
            or games == MOST_GAMES_A_DATE
            or not day
        ):
            return float("inf")
        crowded = max(0, games + 1 - self.targets[day])
        rematch = abs(day - self.met.get(pair, -REMATCH_DAYS)) < REMATCH_DAYS
        return (
            self.tiredness(home, day) + self.tiredness(away, day) + crowded + REMATCH_COST * rematch
        )


def schedule(year: int, rng: Random) -> list[SimulatedGame]:
    """Return all games of the season in playing order."""
    draft = ScheduleDraft(year, rng)
    *days, last = draft.by_day
    # The last day first: all thirty teams play, which is guaranteed to work only while every pair
    # has a
    # game left.
    draft.fill(last, 0.0)
    played = 0
    for day in days:
        played += draft.targets[day]
        draft.fill(day, played / sum(draft.targets.values()))
    draft.squeeze_in()
    return [
        SimulatedGame(day, home, away)
        for day, pairs in draft.by_day.items()
        for home, away in pairs
    ]
