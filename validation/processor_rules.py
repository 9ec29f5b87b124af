"""Rules of each processor: entities, games, required upstream rows and watched columns.

Everything in `validation` that differs between processors is read from here at each use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

from validation.thresholds import DAILY_CACHE, SHOT_ZONES, TEAM_DEFENSE

T_co = TypeVar("T_co", covariant=True)
TDZA, PSZA, PCF, PDC, ML = "TDZA", "PSZA", "PCF", "PDC", "ML"
PLAYER_TABLE, DEFENSE_TABLE, OFFENSE_TABLE = "PGS", "TDGS", "TOGS"  # tables with a row per game


class CurrentTuple(Sequence[T_co]):
    """Tuple that is computed at each use, so that importers see later registrations."""

    def __init__(self, compute: Callable[[], tuple[T_co, ...]]) -> None:
        self._compute = compute

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T_co, ...]: ...
    def __getitem__(self, index: int | slice) -> T_co | tuple[T_co, ...]:
        return self._compute()[index]

    def __len__(self) -> int:
        return len(self._compute())

    def __iter__(self) -> Iterator[T_co]:
        return iter(self._compute())

    def __contains__(self, item: object) -> bool:
        return item in self._compute()

    def __eq__(self, other: object) -> bool:
        return tuple(other) == self._compute() if isinstance(other, tuple | CurrentTuple) else False

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._compute())


@dataclass(frozen=True, kw_only=True)
class ProcessorRules:
    """Rules for the entities of one processor, given the games and the upstream processors.

    `after` are the processors that run before it, `reads` those whose rows it computes from, and
    `requires` those of which an entity needs a row: without one it fails with MISSING_DEPENDENCY.

    `games` is the table whose games it counts, or empty. Its entities are all entities with a game
    before the date or, with `by_context`, all players with a context row of the date. `minimum` is
    the fewest games for a row, `window` the number of newest games without impossible values (None:
    the whole season), `team_window` the same for the games of a player's team. `completeness`
    enables the test of recent games in normal mode.

    `columns` are the watched columns of its output, one line `names <- source columns` each;
    sources are written table.column, and {z} stands for each zone.
    """

    code: str
    after: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    games: str = ""
    by_context: bool = False
    minimum: int = 0
    window: int | None = None
    team_window: int = 0
    completeness: bool = False
    columns: str = ""

    @property
    def is_about_teams(self) -> bool:
        """Return whether the entities are teams, not players."""
        return not self.by_context and self.games != PLAYER_TABLE


RULES: dict[str, ProcessorRules] = {}  # in chain order
CODES = CurrentTuple(lambda: tuple(RULES))


def add_rules(rules: ProcessorRules) -> None:
    """Add a processor at the end of the chain. Raises ValueError for invalid rules."""
    if rules.code in RULES:
        raise ValueError(f"{rules.code} is registered already")
    if unknown := [c for c in (*rules.after, *rules.reads, *rules.requires) if c not in RULES]:
        raise ValueError(f"{rules.code} names processors that do not precede it: {unknown}")
    RULES[rules.code] = rules


def remove_rules(code: str) -> None:
    """Remove a processor from the chain. Raises ValueError if another processor names it."""
    if users := [r.code for r in RULES.values() if code in (*r.after, *r.reads, *r.requires)]:
        raise ValueError(f"{code} is named by {', '.join(users)}")
    del RULES[code]


def downstream(codes: Sequence[str]) -> tuple[str, ...]:
    """Return these processors and all downstream of them, in chain order."""
    affected = set(codes)
    for rules in RULES.values():
        if affected.intersection(rules.after):
            affected.add(rules.code)
    return tuple(code for code in CODES if code in affected)


for _rules in (
    ProcessorRules(
        code=TDZA,
        games=DEFENSE_TABLE,
        minimum=TEAM_DEFENSE.sample_games,
        window=TEAM_DEFENSE.sample_games,
        completeness=True,
        columns="""
        {z}_pct_allowed_last_15 {z}_defense_vs_league_avg <- TDGS.opp_{z}_makes TDGS.opp_{z}_attempts
        {z}_attempts_allowed_per_game <- TDGS.opp_{z}_attempts
        {z}_blocks_per_game <- TDGS.blocks_{z}
        paint_points_allowed_per_game <- TDGS.points_in_paint_allowed
        defensive_rating_last_15 <- TDGS.defensive_rating
        opponent_points_per_game <- TDGS.points_allowed
        opponent_pace <- TDGS.opponent_pace
        strongest_zone weakest_zone <- TDZA.{z}_defense_vs_league_avg
        """,
    ),
    ProcessorRules(
        code=PSZA,
        games=PLAYER_TABLE,
        minimum=SHOT_ZONES.sample_games,
        window=SHOT_ZONES.trend_games,
        completeness=True,
        columns="""
        universal_player_id <- PGS.universal_player_id
        {z}_rate_last_10 <- PGS.paint_attempts PGS.mid_range_attempts PGS.three_pt_attempts
        total_shots_last_10 paint_rate_last_20 <- PGS.{z}_attempts
        {z}_pct_last_10 <- PGS.{z}_makes PGS.{z}_attempts
        {z}_attempts_per_game <- PGS.{z}_attempts
        paint_pct_last_20 <- PGS.paint_makes PGS.paint_attempts
        assisted_rate_last_10 <- PGS.assisted_fg_makes PGS.fg_makes
        unassisted_rate_last_10 <- PGS.unassisted_fg_makes PGS.fg_makes
        primary_scoring_zone <- PSZA.{z}_rate_last_10
        """,
    ),
    ProcessorRules(
        code=PCF,
        after=(TDZA, PSZA),
        reads=(TDZA, PSZA),
        by_context=True,
        columns="""
        universal_player_id <- UPGC.universal_player_id
        fatigue_score <- UPGC.back_to_back UPGC.days_rest UPGC.games_in_last_7_days UPGC.minutes_in_last_7_days
        fatigue_score <- UPGC.avg_minutes_per_game_last_7 UPGC.back_to_backs_last_14_days UPGC.player_age
        shot_zone_mismatch_score <- PSZA.primary_scoring_zone PSZA.{z}_rate_last_10 TDZA.{z}_defense_vs_league_avg
        pace_score <- UPGC.pace_differential
        usage_spike_score <- UPGC.projected_usage_rate UPGC.avg_usage_rate_last_7_games UPGC.star_teammates_out
        total_composite_adjustment <- PCF.fatigue_score PCF.shot_zone_mismatch_score PCF.pace_score PCF.usage_spike_score
        """,
    ),
    ProcessorRules(
        code=PDC,
        after=(TDZA, PSZA, PCF),
        reads=(PSZA,),
        requires=(PSZA,),
        games=PLAYER_TABLE,
        by_context=True,
        minimum=DAILY_CACHE.required_games,
        team_window=DAILY_CACHE.team_games,
        completeness=True,
        columns="""
        universal_player_id <- UPGC.universal_player_id
        points_avg_last_5 points_avg_last_10 points_avg_season points_std_last_10 <- PGS.points
        minutes_avg_last_10 <- PGS.minutes_played
        usage_rate_last_10 player_usage_rate_season <- PGS.usage_rate
        ts_pct_last_10 <- PGS.ts_pct
        team_pace_last_10 <- TOGS.pace
        team_off_rating_last_10 <- TOGS.offensive_rating
        games_in_last_7_days <- UPGC.games_in_last_7_days
        games_in_last_14_days <- UPGC.games_in_last_14_days
        minutes_in_last_7_days <- UPGC.minutes_in_last_7_days
        minutes_in_last_14_days <- UPGC.minutes_in_last_14_days
        back_to_backs_last_14_days <- UPGC.back_to_backs_last_14_days
        avg_minutes_per_game_last_7 <- UPGC.avg_minutes_per_game_last_7
        fourth_quarter_minutes_last_7 <- UPGC.fourth_quarter_minutes_last_7
        player_age <- UPGC.player_age
        primary_scoring_zone <- PSZA.primary_scoring_zone
        paint_rate_last_10 <- PSZA.paint_rate_last_10
        three_pt_rate_last_10 <- PSZA.three_pt_rate_last_10
        assisted_rate_last_10 <- PGS.assisted_fg_makes PGS.fg_makes
        """,
    ),
    ProcessorRules(
        code=ML,
        after=(TDZA, PSZA, PCF, PDC),
        reads=(TDZA, PSZA, PCF, PDC),
        requires=(PSZA, PCF, PDC),
        games=PLAYER_TABLE,
        by_context=True,
        columns="""
        points_avg_last_5 <- PDC.points_avg_last_5
        points_avg_last_10 <- PDC.points_avg_last_10
        points_avg_season <- PDC.points_avg_season
        points_std_last_10 <- PDC.points_std_last_10
        games_in_last_7_days <- PDC.games_in_last_7_days
        fatigue_score <- PCF.fatigue_score
        shot_zone_mismatch_score <- PCF.shot_zone_mismatch_score
        pace_score <- PCF.pace_score
        usage_spike_score <- PCF.usage_spike_score
        rest_advantage <- UPGC.days_rest UPGC.opponent_days_rest
        injury_risk <- UPGC.player_status
        recent_trend <- PGS.points
        minutes_change <- PGS.minutes_played
        opponent_def_rating <- TDZA.defensive_rating_last_15
        opponent_pace <- TDZA.opponent_pace
        home_away is_home <- UPGC.home_game
        back_to_back <- UPGC.back_to_back
        playoff_game <- UPGC.season_phase
        pct_paint <- PSZA.paint_rate_last_10
        pct_mid_range <- PSZA.mid_range_rate_last_10
        pct_three <- PSZA.three_pt_rate_last_10
        pct_free_throw <- PGS.ft_makes PGS.points
        team_pace <- PDC.team_pace_last_10
        team_off_rating <- PDC.team_off_rating_last_10
        team_win_pct <- TOGS.win_flag
        universal_player_id <- UPGC.universal_player_id
        days_rest <- UPGC.days_rest
        """,
    ),
):
    add_rules(_rules)
