"""Player composite factors: a point adjustment from fatigue, zone matchup, pace and usage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tests.oracle.impossible import first_impossible
from tests.oracle.numbers import Number, clamp, fix, quotient
from tests.oracle.outcome import Failure, Row
from tests.oracle.sources import Facts
from tests.oracle.stored import source, stored_row

FATIGUE_DEFAULTS: Row = {
    "days_rest": 1,
    "back_to_back": False,
    "games_in_last_7_days": 3,
    "minutes_in_last_7_days": 200,
    "avg_minutes_per_game_last_7": Decimal(30),
    "back_to_backs_last_14_days": 0,
    "player_age": 25,
}
RESERVED = (
    "referee_favorability_score",
    "look_ahead_pressure_score",
    "travel_impact_score",
    "opponent_strength_score",
)


@dataclass(frozen=True)
class Matchup:
    """Inputs of the scores: the context and the optional rows of the day."""

    context: Row
    shots: Row | None
    defense: Row | None
    team_context: Row | None

    @property
    def zone(self) -> str:
        """Compared zone: the player's own if mid-range or three-point, else paint."""
        label = self.shots["primary_scoring_zone"] if self.shots else None
        return label if label in ("mid_range", "perimeter") else "paint"

    @property
    def _column(self) -> str:
        return {"perimeter": "three_pt"}.get(self.zone, self.zone)

    @property
    def rate(self) -> Decimal | None:
        return self.shots[f"{self._column}_rate_last_10"] if self.shots else None

    @property
    def versus_league(self) -> Decimal | None:
        return self.defense[f"{self._column}_defense_vs_league_avg"] if self.defense else None


def population(facts: Facts, day: date) -> Iterable[str]:
    """Return every player with a context row on the day."""
    return facts.context_players(day)


def decide(facts: Facts, player: str, day: date) -> Row | Failure:
    """Return the row of a player, or the failure."""
    context = facts.context("UPGC", player, day)
    assert context is not None
    if failure := first_impossible(("UPGC", [context])):
        return failure
    shots = facts.upstream("PSZA", player, day)
    defense = facts.upstream("TDZA", context["opponent_team_abbr"], day)
    return _row(
        player,
        day,
        Matchup(context, shots, defense, facts.context("UTGC", context["team_abbr"], day)),
    )


def _row(player: str, day: date, matchup: Matchup) -> Row:
    context = matchup.context
    fatigue = fatigue_score(context)
    mismatch, pace, usage = mismatch_score(matchup), pace_score(context), usage_score(context)
    total = Decimal(fatigue - 100) / 20 + mismatch + pace + usage
    missing = _missing_fields(matchup)
    warnings = _warnings(fatigue, mismatch, total)
    values: Row = {
        "player_lookup": player,
        "universal_player_id": context["universal_player_id"],
        "game_id": context["game_id"],
        "game_date": day,
        "analysis_date": day,
        "fatigue_score": fatigue,
        "shot_zone_mismatch_score": mismatch,
        "pace_score": pace,
        "usage_spike_score": usage,
        **dict.fromkeys(RESERVED, Decimal(0)),
        "total_composite_adjustment": total,
        "calculation_version": "v1_4factors",
        "data_completeness_pct": 20 * (5 - len(missing)),
        "missing_data_fields": ", ".join(missing) or None,
        "has_warnings": bool(warnings),
        "warning_details": "; ".join(warnings) or None,
        "early_season_flag": False,
    }
    return stored_row("PCF", values | _contexts(matchup, values) | _sources(matchup))


def fatigue_score(context: Row) -> int:
    """Return the fatigue score; 100 = fresh, unknown inputs count as an ordinary week."""
    known = {
        c: default if context[c] is None else context[c] for c, default in FATIGUE_DEFAULTS.items()
    }
    score = 100
    if known["back_to_back"]:
        score -= 15
    elif known["days_rest"] >= 3:
        score += 5
    score -= 10 if known["games_in_last_7_days"] >= 4 else 0
    score -= 10 if known["minutes_in_last_7_days"] > 240 else 0
    score -= 8 if known["avg_minutes_per_game_last_7"] > 35 else 0
    score -= (
        12
        if known["back_to_backs_last_14_days"] >= 2
        else 5
        if known["back_to_backs_last_14_days"] == 1
        else 0
    )
    score -= 10 if known["player_age"] >= 35 else 5 if known["player_age"] >= 30 else 0
    return int(clamp(score, 0, 100))


def mismatch_score(matchup: Matchup) -> Decimal:
    """Return the mismatch score; positive favors the player, neutral without either row."""
    if not matchup.shots or not matchup.defense:
        return Decimal(0)
    rate = Decimal(50) if matchup.rate is None else matchup.rate
    weight = min(quotient(rate, 50) or Decimal(0), Decimal(1))
    mismatch = (matchup.versus_league or Decimal(0)) * weight
    if abs(mismatch) > 5:
        mismatch *= Decimal("1.2")
    return Decimal(clamp(mismatch, -10, 10))


def pace_score(context: Row) -> Decimal:
    """Return half the expected difference in possessions."""
    return Decimal(clamp(quotient(context["pace_differential"], 2) or Decimal(0), -3, 3))


def usage_score(context: Row) -> Decimal:
    """Return the usage score; 0 unless both usages are known: a made-up number would spike it."""
    projected, average = context["projected_usage_rate"], context["avg_usage_rate_last_7_games"]
    if projected is None or average is None or average == 0:
        return Decimal(0)
    usage = Decimal("0.3") * (projected - average)
    if usage > 0:
        stars = context["star_teammates_out"] or 0
        usage *= Decimal("1.30") if stars >= 2 else Decimal("1.15") if stars == 1 else 1
    return Decimal(clamp(usage, -3, 3))


def _missing_fields(matchup: Matchup) -> list[str]:
    inputs: dict[str, object] = {
        c: matchup.context[c] for c in ("days_rest", "projected_usage_rate", "pace_differential")
    }
    inputs |= {"player_shot_zone": matchup.shots, "team_defense_zone": matchup.defense}
    return [name for name, value in inputs.items() if value is None]


def _warnings(fatigue: int, mismatch: Decimal, total: Decimal) -> list[str]:
    tags = {
        "EXTREME_FATIGUE": fatigue < 50,
        "EXTREME_MATCHUP": abs(mismatch) > 8,
        "EXTREME_ADJUSTMENT": abs(total) > 12,
    }
    return [tag for tag, applies in tags.items() if applies]


def _contexts(matchup: Matchup, values: Row) -> Row:
    """Return the inputs as read, before any default, and the stored score."""
    context, shots, defense = matchup.context, matchup.shots, matchup.defense
    usage = ("projected_usage_rate", "avg_usage_rate_last_7_games", "star_teammates_out")
    return {
        "fatigue_context_json": _pick(context, *FATIGUE_DEFAULTS)
        | _score(values, "fatigue_score", 0),
        "shot_zone_context_json": {
            "primary_scoring_zone": shots["primary_scoring_zone"] if shots else None,
            "zone_used": matchup.zone,
            "player_zone_rate": matchup.rate,
            "opponent_zone_vs_league": matchup.versus_league,
            "opponent_weakest_zone": defense["weakest_zone"] if defense else None,
        }
        | _score(values, "shot_zone_mismatch_score", 1),
        "pace_context_json": _pick(context, "pace_differential", "opponent_pace_last_10")
        | _score(values, "pace_score", 1),
        "usage_context_json": _pick(context, *usage) | _score(values, "usage_spike_score", 1),
    }


def _pick(row: Row, *columns: str) -> Row:
    return {c: row[c] for c in columns}


def _score(values: Row, column: str, scale: int) -> dict[str, Number]:
    return {column: fix(values[column], scale)}


def _sources(matchup: Matchup) -> Row:
    present = {
        "player_context": matchup.context,
        "team_context": matchup.team_context,
        "player_shot": matchup.shots,
        "team_defense": matchup.defense,
    }
    columns: Row = {}
    for name, row in present.items():
        columns |= source(name, [row] if row else [])
    return columns
