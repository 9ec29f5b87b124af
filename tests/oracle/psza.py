"""Player shot zones: shot mix, accuracy and creation over the newest 10 and 20 played games."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from tests.oracle.impossible import first_impossible
from tests.oracle.numbers import Number, fix, quotient, times, total
from tests.oracle.outcome import Failure, Row, Rows, incomplete, insufficient
from tests.oracle.sources import Facts
from tests.oracle.stored import source, stored_row

ZONES = ("paint", "mid_range", "three_pt")
GAMES = 10
LONG_GAMES = 20
LONG_MINIMUM = 15


def population(facts: Facts, day: date) -> Iterable[str]:
    """Return every player with a played game this season, playing on the day or not."""
    return [p for p in facts.players() if facts.played(p, day)]


def decide(facts: Facts, player: str, day: date) -> Row | Failure:
    """Return the row of a player, or the failure."""
    games = facts.played(player, day)
    if failure := first_impossible(("PGS", games[:LONG_GAMES])):
        return failure
    if len(games) < GAMES:
        return insufficient(len(games), GAMES, day)
    if lacking := facts.lacking(games[0]["team_abbr"], games, day):
        return incomplete(*lacking)
    return _row(player, day, games[:GAMES], games[:LONG_GAMES])


def _row(player: str, day: date, w10: Rows, w20: Rows) -> Row:
    values: Row = {
        "player_lookup": player,
        "universal_player_id": w10[0]["universal_player_id"],
        "analysis_date": day,
        "total_shots_last_10": _shots(w10),
        "games_in_sample_10": len(w10),
        "sample_quality_10": "excellent",
        "games_in_sample_20": len(w20),
        "sample_quality_20": "excellent"
        if len(w20) >= 20
        else "good"
        if len(w20) >= 14
        else "limited",
        "assisted_rate_last_10": times(100, share_of_makes(w10, "assisted_fg_makes")),
        "unassisted_rate_last_10": times(100, share_of_makes(w10, "unassisted_fg_makes")),
        "primary_scoring_zone": _primary_zone(w10),
        "data_quality_tier": "high",
        "early_season_flag": False,
    }
    for zone in ZONES:
        values |= _zone_columns(w10, zone)
    return stored_row("PSZA", values | _long_columns(w20) | source("player_game", w20))


def _zone_columns(games: Rows, zone: str) -> Row:
    return {
        f"{zone}_rate_last_10": _rate(games, zone),
        f"{zone}_pct_last_10": _accuracy(games, zone),
        f"{zone}_attempts_per_game": quotient(_attempts(games, zone), len(games)),
    }


def _long_columns(games: Rows) -> Row:
    enough = len(games) >= LONG_MINIMUM
    return {
        "paint_rate_last_20": _rate(games, "paint") if enough else None,
        "paint_pct_last_20": _accuracy(games, "paint") if enough else None,
    }


def _attempts(games: Rows, zone: str) -> Number | None:
    return total(g[f"{zone}_attempts"] for g in games)


def _shots(games: Rows) -> Number | None:
    """Return shots with a zone; NULL if a zone is always unknown, or without shots."""
    zones = [_attempts(games, zone) for zone in ZONES]
    return None if None in zones else total(zones) or None


def _rate(games: Rows, zone: str) -> Decimal | None:
    return quotient(times(100, _attempts(games, zone)), _shots(games))


def _accuracy(games: Rows, zone: str) -> Decimal | None:
    counted = [g for g in games if g[f"{zone}_attempts"] is not None]
    return quotient(total(g[f"{zone}_makes"] for g in counted), _attempts(games, zone))


def share_of_makes(games: Rows, column: str) -> Decimal | None:
    """Return assisted or unassisted makes over all makes; games with unknown makes add neither."""
    counted = [g for g in games if g["fg_makes"] is not None]
    return quotient(total(g[column] for g in counted), total(g["fg_makes"] for g in counted))


def _primary_zone(games: Rows) -> str | None:
    """Return the zone by the stored rates, so that a reader can check the label."""
    rates = {zone: _rate(games, zone) for zone in ZONES}
    if None in rates.values():
        return None
    rounded = {zone: fix(rate, 2) for zone, rate in rates.items() if rate is not None}
    if rounded["paint"] >= 40:
        return "paint"
    if rounded["three_pt"] >= 40:
        return "perimeter"
    return "mid_range" if rounded["mid_range"] >= 35 else "balanced"
