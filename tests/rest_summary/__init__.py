"""Made-up sixth processor: a team's rest. `docs/adding-a-processor.md` walks through it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backfill.processors.registry import Processor
from backfill.warehouse.tables import TDGS, output_table
from validation.processor_rules import TDZA, ProcessorRules


@dataclass(frozen=True, kw_only=True)
class RestSummary:
    """Numbers of TRS."""

    required_games: int = 3
    examined_games: int = 5
    recent_days: int = 7


NUMBERS = RestSummary()

RULES = ProcessorRules(
    code="TRS",
    after=(TDZA,),
    reads=(TDZA,),
    requires=(TDZA,),
    games="TDGS",
    minimum=NUMBERS.required_games,
    window=NUMBERS.examined_games,
    columns="""
    days_rest games_in_last_7_days <- TDGS.game_date
    defensive_rating_last_15 <- TDZA.defensive_rating_last_15
    """,
)

OUTPUT = output_table(
    "TRS",
    "nba_precompute.team_rest_summary",
    partition="analysis_date",
    cluster="team_abbr analysis_date",
    sources="team_defense",
    columns=f"""
    team_abbr STRING! H team
    analysis_date DATE! H date analyzed
    days_rest INT64! H days since the newest game
    games_in_last_7_days INT64! H games in the last {NUMBERS.recent_days} days
    defensive_rating_last_15 NUMERIC(6,2) H from TDZA
    """,
)

TRS = Processor(
    rules=RULES,
    name="TeamRestSummaryProcessor",
    label="Team rest summary",
    meaning="rest days of each team with its defensive rating. Requires the TDZA row.",
    output=OUTPUT,
    sources=(TDGS,),
    examined=(TDGS,),
    numbers=NUMBERS,
    no_completeness="TDZA has made it",
    sql_folder=Path(__file__).parent,
)
