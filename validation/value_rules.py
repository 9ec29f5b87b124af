"""Rules for impossible values of a source row. They apply to the whole row, regardless of the
columns that a processor reads.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """Condition of a bad row: `column` `comparison` `bound`.

    The bound is a number or another column. NULL never breaks a rule.
    """

    column: str
    comparison: str
    bound: int | str


def _negative(columns: str) -> Iterator[Rule]:
    return (Rule(column, "<", 0) for column in columns.split())


def _above(*pairs: tuple[str, int | str]) -> Iterator[Rule]:
    return (Rule(column, ">", bound) for column, bound in pairs)


def _outside(low: int, high: int, columns: str) -> Iterator[Rule]:
    for column in columns.split():
        yield Rule(column, "<", low)
        yield Rule(column, ">", high)


# In the order of the tests; a failure names the first rule that its row breaks.
RULES: dict[str, tuple[Rule, ...]] = {
    "PGS": (
        *_negative(
            "minutes_played points fg_attempts fg_makes paint_attempts paint_makes mid_range_attempts mid_range_makes"
            " three_pt_attempts three_pt_makes assisted_fg_makes unassisted_fg_makes ft_attempts ft_makes usage_rate ts_pct"
        ),
        *_above(("minutes_played", 70)),
        *_above(
            *(
                (f"{zone}_makes", f"{zone}_attempts")
                for zone in ("fg", "paint", "mid_range", "three_pt", "ft")
            )
        ),
        *_above(
            ("assisted_fg_makes", "fg_makes"),
            ("unassisted_fg_makes", "fg_makes"),
            ("usage_rate", 100),
        ),
    ),
    "TDGS": (
        *_negative(
            "opp_paint_makes opp_paint_attempts opp_mid_range_makes opp_mid_range_attempts opp_three_pt_makes"
            " opp_three_pt_attempts points_in_paint_allowed blocks_paint blocks_mid_range blocks_three_pt points_allowed"
            " defensive_rating opponent_pace"
        ),
        *_above(
            *(
                (f"opp_{zone}_makes", f"opp_{zone}_attempts")
                for zone in ("paint", "mid_range", "three_pt")
            )
        ),
    ),
    "TOGS": tuple(_negative("points_scored pace offensive_rating")),
    "UPGC": (
        *_negative(
            "days_rest games_in_last_7_days games_in_last_14_days back_to_backs_last_14_days minutes_in_last_7_days"
            " minutes_in_last_14_days avg_minutes_per_game_last_7 fourth_quarter_minutes_last_7 player_age"
            " star_teammates_out opponent_pace_last_10 opponent_days_rest"
        ),
        *_outside(0, 100, "projected_usage_rate avg_usage_rate_last_7_games"),
    ),
}


COMPARE: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, ">": operator.gt}


def broken_rules(table: str, row: Mapping[str, Any]) -> list[str]:
    """Return the rules that a row breaks, with its values: `paint_makes 99 > paint_attempts 8`."""
    found = []
    for rule in RULES.get(table, ()):
        value: Any = row.get(rule.column)
        bound: Any = row.get(rule.bound) if isinstance(rule.bound, str) else rule.bound
        if value is not None and bound is not None and COMPARE[rule.comparison](value, bound):
            named = f"{rule.bound} {bound}" if isinstance(rule.bound, str) else bound
            found.append(f"{rule.column} {value} {rule.comparison} {named}")
    return found
