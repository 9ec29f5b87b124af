"""Impossible source rows, and the words that name them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from tests.oracle.numbers import fix
from tests.oracle.outcome import TABLES, Failure, Row, Rows


@dataclass(frozen=True)
class Rule:
    """Bounds of a column: numbers or another column; NULL breaks no rule."""

    column: str
    low: int | None = None
    high: int | None = None
    other: str | None = None

    def is_broken_by(self, row: Row) -> bool:
        value = row[self.column]
        if value is None:
            return False
        ceiling = row[self.other] if self.other else self.high
        return (self.low is not None and value < self.low) or (
            ceiling is not None and value > ceiling
        )

    def fact(self, short: str, row: Row) -> str:
        """Return the value, and for a comparison the value it passed."""
        return " > ".join(
            f"{c} = {shown(short, c, row[c])}" for c in (self.column, self.other) if c
        )


def shown(short: str, column: str, value: int | Decimal) -> str:
    """Return a number as reasons print it: NUMERIC with exactly its scale."""
    scale = TABLES[short].by_name[column].scale
    return str(value if scale is None else fix(value, scale))


def _negative(columns: str) -> tuple[Rule, ...]:
    return tuple(Rule(c, low=0) for c in columns.split())


def _passing(pairs: Iterable[tuple[str, str]]) -> tuple[Rule, ...]:
    return tuple(Rule(part, other=whole) for part, whole in pairs)


RULES: dict[str, tuple[Rule, ...]] = {
    "PGS": (
        *_negative(
            "minutes_played points fg_attempts fg_makes paint_attempts paint_makes mid_range_attempts mid_range_makes "
            "three_pt_attempts three_pt_makes assisted_fg_makes unassisted_fg_makes ft_attempts ft_makes usage_rate ts_pct"
        ),
        Rule("minutes_played", high=70),
        *_passing(
            (f"{shot}_makes", f"{shot}_attempts")
            for shot in ("fg", "paint", "mid_range", "three_pt", "ft")
        ),
        *_passing((f"{kind}_fg_makes", "fg_makes") for kind in ("assisted", "unassisted")),
        Rule("usage_rate", high=100),
    ),
    "TDGS": (
        *_negative(
            "opp_paint_makes opp_paint_attempts opp_mid_range_makes opp_mid_range_attempts opp_three_pt_makes "
            "opp_three_pt_attempts points_in_paint_allowed blocks_paint blocks_mid_range blocks_three_pt points_allowed "
            "defensive_rating opponent_pace"
        ),
        *_passing(
            (f"opp_{zone}_makes", f"opp_{zone}_attempts")
            for zone in ("paint", "mid_range", "three_pt")
        ),
    ),
    "TOGS": _negative("points_scored pace offensive_rating"),
    "UPGC": (
        *_negative(
            "days_rest games_in_last_7_days games_in_last_14_days back_to_backs_last_14_days minutes_in_last_7_days "
            "minutes_in_last_14_days avg_minutes_per_game_last_7 fourth_quarter_minutes_last_7 player_age star_teammates_out "
            "opponent_pace_last_10 opponent_days_rest"
        ),
        Rule("projected_usage_rate", low=0, high=100),
        Rule("avg_usage_rate_last_7_games", low=0, high=100),
    ),
}


def broken_rule(short: str, row: Row) -> Rule | None:
    """Return the first rule that the row breaks."""
    return next((rule for rule in RULES[short] if rule.is_broken_by(row)), None)


def first_impossible(*examined: tuple[str, Rows]) -> Failure | None:
    """Return the failure that the first bad row causes.

    Tables are checked in the order given, rows newest first.
    """
    for short, rows in examined:
        for row in rows:
            if rule := broken_rule(short, row):
                where = f"{TABLES[short]}, game_id {row['game_id']}"
                return (
                    "PROCESSING_ERROR",
                    f"impossible value in {where}: {rule.fact(short, row)}",
                    False,
                )
    return None
