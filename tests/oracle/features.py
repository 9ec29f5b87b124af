"""Feature store: its 25 features, each with the tag of its source."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tests.oracle.numbers import Number, clamp, mean, quotient
from tests.oracle.outcome import Row, Rows

NAMES = (
    "points_avg_last_5",
    "points_avg_last_10",
    "points_avg_season",
    "points_std_last_10",
    "games_in_last_7_days",
    "fatigue_score",
    "shot_zone_mismatch_score",
    "pace_score",
    "usage_spike_score",
    "rest_advantage",
    "injury_risk",
    "recent_trend",
    "minutes_change",
    "opponent_def_rating",
    "opponent_pace",
    "home_away",
    "back_to_back",
    "playoff_game",
    "pct_paint",
    "pct_mid_range",
    "pct_three",
    "pct_free_throw",
    "team_pace",
    "team_off_rating",
    "team_win_pct",
)
INJURY_RISK = {"probable": 1, "questionable": 2, "doubtful": 3, "out": 3}

Feature = tuple[Number, str]


@dataclass(frozen=True)
class Inputs:
    """Inputs of one vector; games and team games newest first."""

    context: Row
    games: Rows
    team_games: Rows
    cache: Row
    factors: Row
    shots: Row
    defense: Row | None

    @property
    def last10(self) -> Rows:
        return self.games[:10]

    def against(self, column: str) -> Decimal | None:
        """Return a number of the opponent's defense, None without a row."""
        return self.defense[column] if self.defense else None


def features(of: Inputs) -> list[Feature]:
    """Return the vector in order 0..24, unrounded."""
    return [
        *_form(of),
        *(_value(of.factors[name], "0") for name in NAMES[5:9]),
        *map(
            _calculated, (rest_advantage(of), injury_risk(of), recent_trend(of), minutes_change(of))
        ),
        _value(of.against("defensive_rating_last_15"), "112.0"),
        _value(of.against("opponent_pace"), "100.0"),
        *map(_flag, (of.context["home_game"], of.context["back_to_back"], _is_playoffs(of))),
        _value(quotient(of.shots["paint_rate_last_10"], 100), "0.30"),
        _value(quotient(of.shots["mid_range_rate_last_10"], 100), "0.20"),
        _value(quotient(of.shots["three_pt_rate_last_10"], 100), "0.35"),
        _calculated(free_throw_share(of)),
        _value(of.cache["team_pace_last_10"], "100.0"),
        _value(of.cache["team_off_rating_last_10"], "112.0"),
        _calculated(win_share(of)),
    ]


def _form(of: Inputs) -> list[Feature]:
    enough = len(of.games) >= 5
    last5 = mean(g["points"] for g in of.games[:5]) if enough else None
    return [
        _value(of.cache["points_avg_last_5"], "10.0", last5),
        _value(of.cache["points_avg_last_10"], "10.0", mean(g["points"] for g in of.last10)),
        _value(of.cache["points_avg_season"], "10.0", mean(g["points"] for g in of.games)),
        _value(of.cache["points_std_last_10"], "5.0"),
        _value(of.cache["games_in_last_7_days"], "3.0"),
    ]


def _value(phase4: Number | None, default: str, phase3: Number | None = None) -> Feature:
    if phase4 is not None:
        return phase4, "phase4"
    return (phase3, "phase3") if phase3 is not None else (Decimal(default), "default")


def _calculated(value: Number) -> Feature:
    return value, "calculated"


def _flag(value: bool | None) -> Feature:
    return (1 if value else 0), "phase3"


def _is_playoffs(of: Inputs) -> bool:
    return (of.context["season_phase"] or "").lower() == "playoffs"


def rest_advantage(of: Inputs) -> Number:
    """Return the days of rest minus the opponent's."""
    own, other = of.context["days_rest"], of.context["opponent_days_rest"]
    return 0 if own is None or other is None else clamp(own - other, -2, 2)


def injury_risk(of: Inputs) -> int:
    """Return the injury risk; 0 = available or unknown."""
    return INJURY_RISK.get((of.context["player_status"] or "").lower(), 0)


def recent_trend(of: Inputs) -> int:
    """Return the recent trend; positive = the newest three games beat the two before."""
    points = [g["points"] for g in of.games[:5]]
    if len(points) < 5 or None in points:
        return 0
    newer, older = mean(points[:3]), mean(points[3:])
    assert newer is not None
    assert older is not None
    return _step(newer - older, Decimal(2), Decimal(5))


def minutes_change(of: Inputs) -> int:
    """Return the newest ten games relative to the season."""
    recent = of.cache["minutes_avg_last_10"]
    if recent is None:
        recent = mean(g["minutes_played"] for g in of.last10)
    season = mean(g["minutes_played"] for g in of.games)
    if not recent or not season:
        return 0
    change = quotient(recent - season, season)
    assert change is not None
    return _step(change, Decimal("0.10"), Decimal("0.20"))


def _step(value: Decimal, small: Decimal, large: Decimal) -> int:
    size = 2 if abs(value) >= large else 1 if abs(value) >= small else 0
    return size if value > 0 else -size


def free_throw_share(of: Inputs) -> Number:
    """Return points from the line, from games in which both numbers are known."""
    counted = [g for g in of.last10 if g["ft_makes"] is not None and g["points"] is not None]
    share = quotient(sum(g["ft_makes"] for g in counted), sum(g["points"] for g in counted))
    return Decimal("0.15") if len(of.last10) < 5 or share is None else min(share, Decimal("0.5"))


def win_share(of: Inputs) -> Number:
    """Return the team's share of wins; an unknown result is not a loss."""
    results = [g["win_flag"] for g in of.team_games if g["win_flag"] is not None]
    share = quotient(sum(results), len(results))
    return Decimal("0.5") if len(results) < 5 or share is None else share
