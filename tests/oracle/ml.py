"""Feature store: one vector of 25 numbers per player and day, with provenance and quality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from tests.oracle.features import NAMES, Inputs, features
from tests.oracle.impossible import first_impossible
from tests.oracle.numbers import fix, quotient
from tests.oracle.outcome import Failure, Row, incomplete, missing
from tests.oracle.sources import Facts
from tests.oracle.stored import source, stored_row

REQUIRED = ("PSZA", "PCF", "PDC")
WEIGHTS = {"phase4": 100, "calculated": 100, "phase3": 75, "default": 40}
TIERS = ((95, "gold"), (75, "silver"), (50, "bronze"), (25, "poor"))


def population(facts: Facts, day: date) -> Iterable[str]:
    """Return every player with a context row on the day."""
    return facts.context_players(day)


def decide(facts: Facts, player: str, day: date) -> Row | Failure:
    """Return the row of a player, or the failure."""
    context = facts.context("UPGC", player, day)
    assert context is not None
    games = facts.played(player, day)
    if failure := first_impossible(("UPGC", [context]), ("PGS", games)):
        return failure
    rows = {short: facts.upstream(short, player, day) for short in REQUIRED}
    absent = [short for short, row in rows.items() if row is None]
    if absent:
        return missing(absent, day, _causes(facts, player, day, absent))
    if lacking := facts.lacking(context["team_abbr"], games, day):
        return incomplete(*lacking)
    return _row(player, day, _inputs(facts, player, day, context))


def _causes(facts: Facts, player: str, day: date, absent: list[str]) -> list[str]:
    logged = {short: facts.logged(short, player, day) for short in absent}
    return [
        f"{short}: {failure['failure_category']}" for short, failure in logged.items() if failure
    ]


def _inputs(facts: Facts, player: str, day: date, context: Row) -> Inputs:
    shots, factors, cache = (facts.upstream(short, player, day) for short in REQUIRED)
    assert shots
    assert factors
    assert cache
    return Inputs(
        context=context,
        games=facts.played(player, day),
        team_games=facts.history("TOGS", context["team_abbr"], day),
        cache=cache,
        factors=factors,
        shots=shots,
        defense=facts.upstream("TDZA", context["opponent_team_abbr"], day),
    )


def _row(player: str, day: date, of: Inputs) -> Row:
    vector = features(of)
    tags = Counter(tag for _, tag in vector)
    quality = quotient(sum(WEIGHTS[tag] for tag in tags.elements()), len(vector))
    assert quality is not None
    values: Row = {
        "player_lookup": player,
        "universal_player_id": of.context["universal_player_id"],
        "game_date": day,
        "game_id": of.context["game_id"],
        "features": [float(fix(value, 6)) for value, _ in vector],
        "feature_names": list(NAMES),
        "feature_count": len(vector),
        "feature_version": "v1_baseline_25",
        "feature_quality_score": quality,
        "quality_tier": quality_tier(quality),
        "opponent_team_abbr": of.context["opponent_team_abbr"],
        "is_home": of.context["home_game"],
        "days_rest": of.context["days_rest"],
        "data_source": _data_source(tags),
        "early_season_flag": False,
    }
    values |= (
        source("daily_cache", [of.cache])
        | source("composite", [of.factors])
        | source("shot_zones", [of.shots])
    )
    return stored_row("ML", values | source("team_defense", [of.defense] if of.defense else []))


def quality_tier(score: Decimal) -> str:
    """Return the label of a quality score."""
    return next((tier for bound, tier in TIERS if score >= bound), "unusable")


def _data_source(tags: Counter[str]) -> str:
    phase4, phase3 = (Decimal(tags[tag]) / 25 for tag in ("phase4", "phase3"))
    if phase4 >= Decimal("0.90"):
        return "phase4"
    if phase4 >= Decimal("0.50"):
        return "phase4_partial"
    return "phase3" if phase3 >= Decimal("0.50") else "mixed"
