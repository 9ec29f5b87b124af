"""Team defense by shot zone: the newest 15 games of a team against the league."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from tests.oracle.impossible import first_impossible
from tests.oracle.league import ZONES, accuracy, league_average
from tests.oracle.numbers import mean, quotient, total
from tests.oracle.outcome import Failure, Row, Rows, incomplete, insufficient
from tests.oracle.sources import Facts
from tests.oracle.stored import source, stored_row

GAMES = 15
LABELS = {"paint": "paint", "mid_range": "mid_range", "three_pt": "perimeter"}


def population(facts: Facts, day: date) -> Iterable[str]:
    """Return every team that has defended this season, playing on the day or not."""
    return facts.histories("TDGS", day)


def decide(facts: Facts, team: str, day: date) -> Row | Failure:
    """Return the row of a team, or the failure."""
    games = facts.history("TDGS", team, day)
    sample = games[:GAMES]
    if failure := first_impossible(("TDGS", sample)):
        return failure
    if len(sample) < GAMES:
        return insufficient(len(sample), GAMES, day)
    if lacking := facts.lacking(team, games, day):
        return incomplete(*lacking)
    return _row(facts, team, day, sample)


def _row(facts: Facts, team: str, day: date, sample: Rows) -> Row:
    versus = {zone: _versus_league(facts, sample, day, zone) for zone in ZONES}
    values: Row = {"team_abbr": team, "analysis_date": day}
    for zone in ZONES:
        values |= _zone_columns(sample, zone) | {f"{zone}_defense_vs_league_avg": versus[zone]}
    values |= {
        "paint_points_allowed_per_game": _per_game(sample, "points_in_paint_allowed"),
        "defensive_rating_last_15": mean(r["defensive_rating"] for r in sample),
        "opponent_points_per_game": _per_game(sample, "points_allowed"),
        "opponent_pace": mean(r["opponent_pace"] for r in sample),
        "games_in_sample": len(sample),
        "strongest_zone": _extreme_zone(versus, lowest=True),
        "weakest_zone": _extreme_zone(versus, lowest=False),
        "data_quality_tier": "high",
        "calculation_notes": _notes(facts, sample, day),
        "early_season_flag": False,
    }
    return stored_row("TDZA", values | source("team_defense", sample))


def _zone_columns(sample: Rows, zone: str) -> Row:
    return {
        f"{zone}_pct_allowed_last_15": accuracy(sample, zone),
        f"{zone}_attempts_allowed_per_game": _per_game(sample, f"opp_{zone}_attempts"),
        f"{zone}_blocks_per_game": _per_game(sample, f"blocks_{zone}"),
    }


def _per_game(sample: Rows, column: str) -> Decimal | None:
    """Return the sum over all games of the sample, unknown ones included in the divisor."""
    return quotient(total(r[column] for r in sample), len(sample))


def _versus_league(facts: Facts, sample: Rows, day: date, zone: str) -> Decimal | None:
    own = accuracy(sample, zone)
    return None if own is None else (own - league_average(facts, day, zone)[0]) * 100


def _extreme_zone(versus: dict[str, Decimal | None], *, lowest: bool) -> str | None:
    """Return the zone with the smallest or largest value; of equals the first, like min and max."""
    present = {zone: value for zone, value in versus.items() if value is not None}
    if not present:
        return None
    return LABELS[(min if lowest else max)(present, key=lambda zone: present[zone])]


def _notes(facts: Facts, sample: Rows, day: date) -> str | None:
    notes = [_note(facts, sample, day, zone) for zone in ZONES]
    return "; ".join(n for n in notes if n) or None


def _note(facts: Facts, sample: Rows, day: date, zone: str) -> str | None:
    if accuracy(sample, zone) is None:
        return f"{zone}: no attempts in sample"
    return league_average(facts, day, zone)[1]
