from __future__ import annotations

from fnmatch import fnmatch

import pytest

from backfill.warehouse.tables import INPUTS
from validation.value_rules import RULES, Rule

TABLES = {table.short: table for table in INPUTS}

# processors.md 2.4, verbatim: columns that must not be negative, then the other rules.
NOT_NEGATIVE = {
    "PGS": "minutes_played points fg_attempts fg_makes paint_* mid_range_* three_pt_* assisted_fg_makes unassisted_fg_makes"
    " ft_attempts ft_makes usage_rate ts_pct",
    "TDGS": "opp_*_makes opp_*_attempts points_in_paint_allowed blocks_* points_allowed defensive_rating opponent_pace",
    "TOGS": "points_scored pace offensive_rating",
    "UPGC": "days_rest games_in_last_* back_to_backs_last_14_days minutes_in_last_* avg_minutes_per_game_last_7"
    " fourth_quarter_minutes_last_7 player_age star_teammates_out opponent_pace_last_10 opponent_days_rest",
}
OTHER = {
    "PGS": [
        ("minutes_played", ">", 70),
        ("fg_makes", ">", "fg_attempts"),
        ("paint_makes", ">", "paint_attempts"),
        ("mid_range_makes", ">", "mid_range_attempts"),
        ("three_pt_makes", ">", "three_pt_attempts"),
        ("ft_makes", ">", "ft_attempts"),
        ("assisted_fg_makes", ">", "fg_makes"),
        ("unassisted_fg_makes", ">", "fg_makes"),
        ("usage_rate", ">", 100),
    ],
    "TDGS": [
        ("opp_paint_makes", ">", "opp_paint_attempts"),
        ("opp_mid_range_makes", ">", "opp_mid_range_attempts"),
        ("opp_three_pt_makes", ">", "opp_three_pt_attempts"),
    ],
    "TOGS": [],
    "UPGC": [
        ("projected_usage_rate", "<", 0),
        ("projected_usage_rate", ">", 100),
        ("avg_usage_rate_last_7_games", "<", 0),
        ("avg_usage_rate_last_7_games", ">", 100),
    ],
}
ALL_RULES = [(short, rule) for short, rules in RULES.items() for rule in rules]


def columns_like(short: str, patterns: str) -> list[str]:
    """Return the columns that the specification's patterns match, in table order."""
    return [name for name in TABLES[short].names if any(fnmatch(name, p) for p in patterns.split())]


@pytest.mark.parametrize("short", NOT_NEGATIVE)
def test_the_rules_are_those_of_the_specification_in_its_order(short: str) -> None:
    negative = [Rule(name, "<", 0) for name in columns_like(short, NOT_NEGATIVE[short])]
    assert list(RULES[short]) == [*negative, *(Rule(*rule) for rule in OTHER[short])]


def test_the_schedule_and_the_team_context_have_no_numbers_to_judge() -> None:
    assert set(TABLES) - set(RULES) == {"SCHED", "UTGC"}


def test_every_rule_compares_numbers_that_exist() -> None:
    named = [
        (s, name)
        for s, rule in ALL_RULES
        for name in (rule.column, rule.bound)
        if isinstance(name, str)
    ]
    assert {TABLES[short].by_name[name].type.split("(")[0] for short, name in named} == {
        "INT64",
        "NUMERIC",
    }
    assert {rule.comparison for _, rule in ALL_RULES} == {"<", ">"}


def test_what_may_be_negative_is_not_judged() -> None:
    assert "pace_differential" not in {rule.column for rule in RULES["UPGC"]}
