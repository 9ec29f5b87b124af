"""League accuracy per zone, the baseline of a team's defense."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from tests.oracle.impossible import broken_rule
from tests.oracle.numbers import mean, quotient, total
from tests.oracle.outcome import Rows
from tests.oracle.sources import Facts

ZONES = ("paint", "mid_range", "three_pt")
CONSTANTS = {"paint": Decimal("0.580"), "mid_range": Decimal("0.410"), "three_pt": Decimal("0.355")}
RECENT = timedelta(days=30)
RECENT_GAMES = 10
RECENT_TEAMS = 10


def accuracy(rows: Rows, zone: str) -> Decimal | None:
    """Return makes over attempts; a row with unknown attempts adds neither."""
    counted = [r for r in rows if r[f"opp_{zone}_attempts"] is not None]
    return quotient(
        total(r[f"opp_{zone}_makes"] for r in counted),
        total(r[f"opp_{zone}_attempts"] for r in counted),
    )


def league_average(facts: Facts, day: date, zone: str) -> tuple[Decimal, str | None]:
    """Return the league's accuracy in a zone and its note for the row."""
    return facts.memo(("league", day, zone), lambda: _league_average(_valid(facts, day), day, zone))


def _valid(facts: Facts, day: date) -> list[Rows]:
    def make() -> list[Rows]:
        return [
            [r for r in rows if not broken_rule("TDGS", r)]
            for rows in facts.histories("TDGS", day).values()
        ]

    return facts.memo(("valid", day), make)


def _league_average(teams: list[Rows], day: date, zone: str) -> tuple[Decimal, str | None]:
    recent = [[r for r in rows if r["game_date"] >= day - RECENT] for rows in teams]
    regulars = _accuracies([rows for rows in recent if len(rows) >= RECENT_GAMES], zone)
    if len(regulars) >= RECENT_TEAMS:
        return _average(regulars), None
    season = _accuracies(teams, zone)
    if season:
        return _average(season), f"{zone}: season league average"
    return CONSTANTS[zone], f"{zone}: constant league average"


def _accuracies(teams: list[Rows], zone: str) -> list[Decimal]:
    return [a for rows in teams if (a := accuracy(rows, zone)) is not None]


def _average(values: list[Decimal]) -> Decimal:
    average = mean(values)
    assert average is not None
    return average
