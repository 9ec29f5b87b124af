"""Simulation of a whole season: calendar, people and games, date by date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from backfill.simulation.boxscores import GameHeading, Row, defense_row, offense_row, player_rows
from backfill.simulation.dates import opening_night
from backfill.simulation.games import play_game
from backfill.simulation.league import Player, players
from backfill.simulation.pregame import SeasonMemory, team_rows
from backfill.simulation.rosters import BLOWOUT, Rosters, squad, trade, waive
from backfill.simulation.schedule import TEAMS, SimulatedGame, schedule
from backfill.warehouse.tables import INPUTS
from validation.season import FINAL

SEASON_TYPE = "regular"
STRENGTH_SPREAD = 0.032
PACE_SPREAD = 0.02


@dataclass(frozen=True)
class SimulatedSeason:
    """Phase 3 of one season: rows by table's short name, each a tuple in column order."""

    year: int
    seed: int
    tables: dict[str, list[Row]]


def generator(year: int, seed: int, part: str) -> Random:
    """Return the generator of one part of a season, so that parts and years are independent."""
    return Random(f"{part} of season {year}, seed {seed}")


class Simulation:
    """Unfinished season."""

    def __init__(self, year: int, seed: int) -> None:
        self.year, self.opening = year, opening_night(year)
        self.tables: dict[str, list[Row]] = {table.short: [] for table in INPUTS}
        self.fixtures = schedule(year, generator(year, seed, "calendar"))
        self.rng = generator(year, seed, "games")
        self.rosters = Rosters(self.people(generator(year, seed, "league")))
        self.memory = SeasonMemory(generator(year, seed, "context"))

    def people(self, rng: Random) -> list[Player]:
        """Draw the players with their trades, and the strength and tempo of the thirty teams."""
        everybody = players(self.opening, rng)
        trade(everybody, rng)
        waive(everybody, rng)
        self.strengths = [1 + rng.gauss(0, STRENGTH_SPREAD) for _ in TEAMS]
        self.paces = [1 + rng.gauss(0, PACE_SPREAD) for _ in TEAMS]
        return everybody

    def heading(self, number: int, fixture: SimulatedGame) -> GameHeading:
        """Return a game's heading, its id as the league numbers it: season, then place in the
        calendar.
        """
        return GameHeading(
            game_id=f"002{self.year % 100:02}{number:05}",
            day=self.opening + timedelta(days=fixture.day),
            season_year=self.year,
            fixture=fixture,
        )

    def play(self, head: GameHeading) -> None:
        """Play one game and write all its rows."""
        fixture, tables = head.fixture, self.tables
        self.rosters.advance(fixture.day)
        blowout = self.rng.random() < BLOWOUT
        home, away = (
            squad(t, self.rosters.teams[t], fixture.day, blowout, self.rng) for t in fixture.teams
        )
        tables["UPGC"] += self.memory.player_rows(home, away.team, head, True)
        tables["UPGC"] += self.memory.player_rows(away, home.team, head, False)
        strength = self.strengths[home.team], self.strengths[away.team]
        pace = self.paces[home.team] * self.paces[away.team]
        box = play_game(home, away, strength, pace, self.rng)
        for side, other in (box.sides, box.sides[::-1]):
            tables["PGS"] += player_rows(side, head, box.length)
            tables["TDGS"].append(defense_row(side, other, box, head))
            tables["TOGS"].append(offense_row(side, other, box, head))
        tables["UTGC"] += team_rows(head, strength, box.sides)
        tables["SCHED"].append(schedule_row(head))
        self.memory.remember(fixture.day, box)


def schedule_row(head: GameHeading) -> Row:
    """Return the calendar row of a game."""
    home, away, _ = head.teams(True)
    return head.game_id, head.day, head.season_year, home, away, FINAL, SEASON_TYPE


def simulate(year: int, *, seed: int = 1) -> SimulatedSeason:
    """Simulate the season that begins in `year`; the same year and seed give the same rows."""
    simulation = Simulation(year, seed)
    for number, fixture in enumerate(simulation.fixtures, start=1):
        simulation.play(simulation.heading(number, fixture))
    return SimulatedSeason(year, seed, simulation.tables)


def dates(season: SimulatedSeason) -> list[date]:
    """Return the dates with games, ascending."""
    return sorted({row[1] for row in season.tables["SCHED"]})
