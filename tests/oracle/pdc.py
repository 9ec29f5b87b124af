"""Player daily cache: form, team context, fatigue counts and shot profile of a player on a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from tests.oracle.impossible import first_impossible
from tests.oracle.numbers import deviation, mean
from tests.oracle.outcome import Failure, Row, Rows, incomplete, insufficient, missing
from tests.oracle.psza import share_of_makes
from tests.oracle.sources import Facts
from tests.oracle.stored import source, stored_row

MINIMUM_GAMES = 5
FULL_GAMES = 10
TEAM_GAMES = 10
COPIED_FROM_CONTEXT = (
    "universal_player_id",
    "games_in_last_7_days",
    "games_in_last_14_days",
    "minutes_in_last_7_days",
    "minutes_in_last_14_days",
    "back_to_backs_last_14_days",
    "avg_minutes_per_game_last_7",
    "fourth_quarter_minutes_last_7",
    "player_age",
)
COPIED_FROM_SHOTS = ("primary_scoring_zone", "paint_rate_last_10", "three_pt_rate_last_10")


def population(facts: Facts, day: date) -> Iterable[str]:
    """Return every player with a context row on the day."""
    return facts.context_players(day)


def decide(facts: Facts, player: str, day: date) -> Row | Failure:
    """Return the row of a player, or the failure."""
    context = facts.context("UPGC", player, day)
    assert context is not None
    games = facts.played(player, day)
    team_games = facts.history("TOGS", context["team_abbr"], day)[:TEAM_GAMES]
    if failure := first_impossible(("UPGC", [context]), ("PGS", games), ("TOGS", team_games)):
        return failure
    if len(games) < MINIMUM_GAMES:
        return insufficient(len(games), MINIMUM_GAMES, day)
    shots = facts.upstream("PSZA", player, day)
    if not shots:
        return missing(["PSZA"], day, _causes(facts, player, day))
    if lacking := facts.lacking(context["team_abbr"], games, day):
        return incomplete(*lacking)
    return _row(player, day, context, games, team_games, shots)


def _causes(facts: Facts, player: str, day: date) -> list[str]:
    logged = facts.logged("PSZA", player, day)
    return [f"PSZA: {logged['failure_category']}: {logged['failure_reason']}"] if logged else []


def _row(player: str, day: date, context: Row, games: Rows, team_games: Rows, shots: Row) -> Row:
    early = len(games) < FULL_GAMES
    values: Row = {
        "player_lookup": player,
        "cache_date": day,
        "games_played_season": len(games),
        "team_pace_last_10": mean(r["pace"] for r in team_games),
        "team_off_rating_last_10": mean(r["offensive_rating"] for r in team_games),
        "early_season_flag": early,
        "insufficient_data_reason": f"{len(games)} of {FULL_GAMES} games" if early else None,
        "shot_zone_data_available": True,
        "cache_version": "v1",
        **{c: context[c] for c in COPIED_FROM_CONTEXT},
        **{c: shots[c] for c in COPIED_FROM_SHOTS},
    }
    values |= _form(games) | source("player_game", games) | source("team_offense", team_games)
    return stored_row(
        "PDC", values | source("upcoming_context", [context]) | source("shot_zone", [shots])
    )


def _form(games: Rows) -> Row:
    last5, last10 = games[:5], games[:10]
    return {
        "points_avg_last_5": mean(g["points"] for g in last5),
        "points_avg_last_10": mean(g["points"] for g in last10),
        "points_avg_season": mean(g["points"] for g in games),
        "points_std_last_10": deviation(g["points"] for g in last10),
        "minutes_avg_last_10": mean(g["minutes_played"] for g in last10),
        "usage_rate_last_10": mean(g["usage_rate"] for g in last10),
        "ts_pct_last_10": mean(g["ts_pct"] for g in last10),
        "player_usage_rate_season": mean(g["usage_rate"] for g in games),
        "assisted_rate_last_10": share_of_makes(last10, "assisted_fg_makes"),
    }
