"""Watched columns with their sources. Column checks read this and `known_constants` only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from validation.known_constants import ConstantKind, may_be, may_be_all_season
from validation.processor_rules import CODES, RULES

SOURCES = ("PGS", "TDGS", "TOGS", "UPGC")
OUTPUTS = CODES
TEAM_SOURCES = ("TDGS", "TOGS")
ZONES = ("paint", "mid_range", "three_pt")

# Vector of ML; each element is watched like a column.
FEATURES = (
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


# Phase 3 columns; {z} stands for each zone. Output columns are in the processor's rules.
_COLUMNS = {
    "PGS": """
        is_active minutes_played points fg_attempts fg_makes {z}_attempts {z}_makes
        assisted_fg_makes unassisted_fg_makes ft_attempts ft_makes usage_rate ts_pct universal_player_id
    """,
    "TDGS": """
        opp_{z}_attempts opp_{z}_makes points_in_paint_allowed blocks_{z} points_allowed defensive_rating opponent_pace
    """,
    "TOGS": "points_scored pace offensive_rating win_flag",
    "UPGC": """
        universal_player_id home_game days_rest back_to_back games_in_last_7_days games_in_last_14_days
        back_to_backs_last_14_days minutes_in_last_7_days minutes_in_last_14_days avg_minutes_per_game_last_7
        fourth_quarter_minutes_last_7 player_age projected_usage_rate avg_usage_rate_last_7_games star_teammates_out
        pace_differential opponent_pace_last_10 opponent_days_rest player_status season_phase
    """,
}

# Equal for all players of a team: many rows, but few independent values for the test.
_OF_TEAM = """
    pace_differential opponent_pace_last_10 opponent_days_rest pace_score shot_zone_mismatch_score team_pace_last_10
    team_off_rating_last_10 rest_advantage opponent_def_rating opponent_pace team_pace team_off_rating team_win_pct
"""


# Columns whose values in a season vary for every team.
_OF_EVERY_TEAM = (
    *("days_rest", "games_in_last_7_days", "games_in_last_14_days", "fg_attempts", "fg_makes"),
    *(
        f"{side}{z}_{what}"
        for side in ("", "opp_")
        for z in ZONES
        for what in ("attempts", "makes")
    ),
)


@dataclass(frozen=True)
class Critical:
    """Watched column. `sources` are the columns that it is computed from, as table.column."""

    table: str
    name: str
    sources: tuple[str, ...] = ()

    @cached_property
    def watched(self) -> tuple[ConstantKind, ...]:
        """Kinds of constants that are suspicious in this column."""
        return tuple(what for what in ConstantKind if what not in may_be(self.table, self.name))

    @cached_property
    def watched_all_season(self) -> tuple[ConstantKind, ...]:
        """Kinds of constants that are suspicious in a whole season of this Phase 3 column."""
        if self.table not in SOURCES:
            return ()
        known = may_be_all_season(self.table, self.name)
        return tuple(what for what in ConstantKind if what not in known)

    @cached_property
    def is_of_team(self) -> bool:
        """Return whether the players of a team share its value, fully or mostly."""
        return not is_about_teams(self.table) and self.name in _OF_TEAM.split()


def _zoned(name: str) -> tuple[str, ...]:
    """Expand a name with {z} to one name per zone."""
    return tuple(name.format(z=zone) for zone in ZONES) if "{z}" in name else (name,)


def _lines(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each column with its sources; {z} in both stands for the same zone."""
    for names, _, sources in (
        line.partition("<-") for line in filter(None, map(str.strip, text.splitlines()))
    ):
        for name in names.split():
            for zone in ZONES if "{z}" in name else ("",):
                of_zone = (s.format(z=zone) if zone else s for s in sources.split())
                yield (
                    name.format(z=zone),
                    tuple(full for source in of_zone for full in _zoned(source)),
                )


@cache
def _declared(table: str, text: str) -> dict[str, Critical]:
    """Return the columns of one declaration, by name."""
    sources: dict[str, tuple[str, ...]] = {}
    for name, of_line in _lines(text):
        sources[name] = sources.get(name, ()) + of_line
    return {name: Critical(table, name, of_name) for name, of_name in sources.items()}


def _of_table(table: str) -> dict[str, Critical]:
    return _declared(table, RULES[table].columns if table in RULES else _COLUMNS.get(table, ""))


def is_about_teams(table: str) -> bool:
    """Return whether the entities of a table, given by its short name, are teams."""
    return table in TEAM_SOURCES or (table in RULES and RULES[table].is_about_teams)


def counted_columns(table: str) -> tuple[Critical, ...]:
    """Return the columns whose shares are counted: watched on dates, or in a season."""
    return tuple(c for c in _of_table(table).values() if c.watched or c.watched_all_season)


def columns_of_every_team(table: str) -> tuple[Critical, ...]:
    """Return the Phase 3 columns of a table that vary for every team."""
    return tuple(c for c in _of_table(table).values() if c.name in _OF_EVERY_TEAM)


def origins(column: str) -> frozenset[str]:
    """Return all sources of a column (table.column), direct or through other outputs."""
    table, _, name = column.partition(".")
    declared = _of_table(table).get(name)
    direct = declared.sources if declared else ()
    return frozenset(direct).union(*map(origins, direct))


def critical(table: str, name: str) -> Critical:
    """Return one watched column; raises KeyError for others."""
    return _of_table(table)[name]
