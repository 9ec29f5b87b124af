"""Small made-up season in which every player plays every night, which soon fills all windows."""

from __future__ import annotations

from pathlib import Path

from backfill.simulation import write
from backfill.simulation.schedule import SimulatedGame
from backfill.simulation.season import SimulatedSeason, Simulation

YEAR, SEED = 2021, 1
TEAMS = 12


def pairs(night: int) -> list[tuple[int, int]]:
    """Return the night's pairs of teams: different opponents each night, home and away in turn."""
    first, *others = range(TEAMS)
    turn = night % len(others)
    order = [first, *others[turn:], *others[:turn]]
    met = list(zip(order[: TEAMS // 2], reversed(order[TEAMS // 2 :]), strict=True))
    return met if night % 2 else [(away, home) for home, away in met]


def play(nights: int, folder: Path) -> None:
    """Generate the season and write it as a folder of Phase 3."""
    simulation = Simulation(YEAR, SEED)
    fixtures = [
        SimulatedGame(night, home, away) for night in range(nights) for home, away in pairs(night)
    ]
    for number, fixture in enumerate(fixtures, start=1):
        simulation.play(simulation.heading(number, fixture))
    write(SimulatedSeason(YEAR, SEED, simulation.tables), folder)
