"""Mutations: each wrong rule planted in a processor's statement is caught by the named check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from backfill.audit import content_checks, load
from backfill.execution import execute
from backfill.processors.registry import CHAIN
from backfill.processors.render import render
from tests.seasons.simulated import Simulated
from validation.expectation import compare, expected

pytestmark = [pytest.mark.specification, pytest.mark.xdist_group("simulated")]

ACCOUNTING, EXPECTATION = "accounting", "expectation"
# Teams reach their fifteenth game in these days. A bad row, two games on one day and a night with
# half the players come before.
FIRST_DAY, LAST_DAY = 27, 33


@dataclass(frozen=True)
class Mutation:
    """Replacement of each `old` by its `new`, caught by the accounts of the run, else by the
    expectation, else by the check of that name.
    """

    code: str
    name: str
    caught_by: str
    changes: tuple[tuple[str, str], ...]

    def render(self, code: str, part: str = "result") -> str:
        sql = render(code, part)
        for old, new in self.changes if (code, part) == (self.code, "result") else ():
            assert old in sql, f"nothing in the statement says {old!r}"
            sql = sql.replace(old, new)
        return sql


def mutation(code: str, name: str, caught_by: str, *changes: tuple[str, str]) -> Any:
    return pytest.param(Mutation(code, name, caught_by, changes), id=f"{code}: {name}")


def shown(after: str, before: str, d: str = "d", games: str = "") -> str:
    """Return SQL for the dates on which a row is an entity's newest game."""
    return f"{d} {after} {games}shown_after AND {d} {before} {games}shown_until"


def leak(d: str = "d", games: str = "") -> tuple[str, str]:
    return shown(">", "<=", d, games), shown(">=", "<", d, games)


def without_one(entity: str, source: str = "judged") -> tuple[str, str]:
    return (
        f"  FROM {source}\n)",
        f"  FROM {source} WHERE {entity} <> (SELECT MIN({entity}) FROM {source})\n)",
    )


TOO_FEW = "'INSUFFICIENT_DATA'"
MISSING = "'MISSING_DEPENDENCY'"
ANY_COPY = (") = 1\n)", ") >= 1\n)")
MUTATIONS = [
    mutation("TDZA", "fourteen games are enough", EXPECTATION, ("n < 15 THEN", "n < 14 THEN")),
    mutation("TDZA", "a game of tonight leaks", EXPECTATION, leak()),
    mutation(
        "TDZA",
        "on the day of the next game nothing is shown",
        ACCOUNTING,
        (shown(">", "<="), shown(">", "<")),
    ),
    mutation("TDZA", "a team is dropped", ACCOUNTING, without_one("team_abbr")),
    mutation(
        "TDZA",
        "too few games are a missing dependency",
        EXPECTATION,
        (f"THEN {TOO_FEW}", f"THEN {MISSING}"),
    ),
    mutation(
        "TDZA",
        "shots of another zone",
        "paint attempts per game",
        ("SUM(opp_paint_a", "SUM(opp_mid_range_a"),
    ),
    mutation(
        "TDZA",
        "makes of another zone",
        "mid_range accuracy",
        ("IF(opp_mid_range_attempts IS NULL, NULL, opp_mid_range_makes)", "opp_three_pt_makes"),
    ),
    mutation(
        "TDZA",
        "sixteen games in the sample",
        "sample",
        ("BETWEEN 14 PRECEDING", "BETWEEN 15 PRECEDING"),
    ),
    mutation(
        "TDZA",
        "the league's last twenty days",
        "paint against the league",
        ("INTERVAL 30 DAY", "INTERVAL 20 DAY"),
    ),
    mutation(
        "TDZA",
        "the strongest zone is the weakest",
        "strongest zone",
        ("LEAST(IFNULL(p", "GREATEST(IFNULL(p"),
    ),
    mutation("TDZA", "games count twice", EXPECTATION, ANY_COPY),
    mutation("PSZA", "nine games are enough", EXPECTATION, ("n < 10 THEN", "n < 9 THEN")),
    mutation("PSZA", "a game of tonight leaks", ACCOUNTING, leak()),
    mutation("PSZA", "a player is dropped", ACCOUNTING, without_one("player_lookup")),
    mutation(
        "PSZA",
        "too few games are a missing dependency",
        EXPECTATION,
        (f"THEN {TOO_FEW}", f"THEN {MISSING}"),
    ),
    mutation(
        "PSZA",
        "an impossible row goes by",
        EXPECTATION,
        ("WHEN impossible IS NOT NULL", "WHEN FALSE"),
    ),
    mutation("PSZA", "games count twice", EXPECTATION, ANY_COPY),
    mutation(
        "PSZA",
        "who did not play counts",
        ACCOUNTING,
        ("WHERE is_active AND", "WHERE TRUE OR is_active AND"),
    ),
    mutation(
        "PSZA",
        "shots of another zone",
        "paint attempts per game",
        ("SUM(paint_a", "SUM(mid_range_a"),
    ),
    mutation(
        "PSZA",
        "eleven games in the sample",
        "samples",
        ("BETWEEN 9 PRECEDING", "BETWEEN 10 PRECEDING"),
    ),
    mutation("PSZA", "a trend of fourteen games", "long sample", ("n_20 >= 15", "n_20 >= 14")),
    mutation(
        "PSZA",
        "a zone from 45 percent on",
        "zone",
        ("paint_rate_last_10 >= 40", "paint_rate_last_10 >= 45"),
    ),
    mutation(
        "PSZA",
        "of all field goals instead of those with a zone",
        "rates",
        ("paint_attempts + mid_range_attempts + three_pt_attempts AS", "fg_makes AS"),
    ),
    mutation(
        "PSZA",
        "assisted of the unassisted",
        "assisted",
        ("NULL, assisted_fg", "NULL, unassisted_fg"),
    ),
    mutation(
        "PCF",
        "five games in seven days",
        "fatigue",
        ("(games_in_last_7_days, 3) >= 4", "(games_in_last_7_days, 3) > 4"),
    ),
    mutation(
        "PCF",
        "another zone of the opponent",
        "mismatch",
        ("WHEN 'perimeter' THEN z.three_pt_", "WHEN 'perimeter' THEN z.mid_range_"),
    ),
    mutation(
        "PCF",
        "the own defense instead of the opponent's",
        "completeness",
        ("= c.opponent_team_abbr", "= c.team_abbr"),
    ),
    mutation(
        "PCF",
        "a score of 1 without an opponent's row",
        "mismatch",
        ("0\n    ) AS matchup", "1\n    ) AS matchup"),
    ),
    mutation("PCF", "a player is dropped", ACCOUNTING, without_one("player_lookup", "totals")),
    mutation(
        "PCF",
        "without shots a player fails",
        EXPECTATION,
        (
            "IF(impossible_context IS NULL, NULL, 'PROCESSING_ERROR')",
            f"IF(has_shots, NULL, {MISSING})",
        ),
    ),
    mutation(
        "PCF",
        "the whole difference of pace",
        "pace",
        ("differential AS NUMERIC), 2)", "differential AS NUMERIC), 1)"),
    ),
    mutation("PCF", "one star out counts for two", "usage", ("NUMERIC '1.15'", "NUMERIC '1.30'")),
    mutation(
        "PCF", "the total lacks fatigue", "sum", ("100 AS NUMERIC), 20)", "100 AS NUMERIC), 90)")
    ),
    mutation("PDC", "six games are too few", EXPECTATION, ("n < 5 THEN", "n < 6 THEN")),
    mutation("PDC", "a game of tonight leaks", EXPECTATION, leak("c.d", "p.")),
    mutation("PDC", "a team's game of tonight leaks", "team pace", leak("c.d", "team.")),
    mutation("PDC", "a player is dropped", ACCOUNTING, without_one("player_lookup")),
    mutation(
        "PDC",
        "no shots are too few games",
        EXPECTATION,
        (f"shots THEN {MISSING}", f"shots THEN {TOO_FEW}"),
    ),
    mutation(
        "PDC",
        "an impossible row goes by",
        EXPECTATION,
        ("WHEN impossible IS NOT NULL", "WHEN FALSE"),
    ),
    mutation(
        "PDC",
        "six games are the newest five",
        "points over 5 games",
        ("BETWEEN 4 PRECEDING", "BETWEEN 5 PRECEDING"),
    ),
    mutation(
        "PDC",
        "a rate of another zone",
        "shot columns",
        ("z.paint_rate_last_10", "z.mid_range_rate_last_10 AS paint_rate_last_10"),
    ),
    mutation(
        "PDC",
        "the opponent's pace",
        "team pace",
        ("team.team_abbr = c.", "team.team_abbr = c.opponent_"),
    ),
    mutation(
        "PDC",
        "percent instead of a fraction",
        "assisted range",
        ("CAST(assisted AS", "CAST(100 * assisted AS"),
    ),
    mutation(
        "PDC",
        "deviation of all, not of a sample",
        "deviation",
        ("scored * (scored - 1)", "scored * scored"),
    ),
    mutation(
        "ML",
        "another rating for an unknown one",
        "feature 13",
        ("phase3_13, 112.0", "phase3_13, 110.0"),
    ),
    mutation(
        "ML",
        "the paint's share is the mid-range's",
        "feature 18",
        ("CAST(s.paint_rate", "CAST(s.mid_range_rate"),
    ),
    mutation("ML", "a game of tonight leaks", "feature 21", leak("x.d", "g.")),
    mutation("ML", "a team's game of tonight leaks", "feature 24", leak("x.d", "w.")),
    mutation("ML", "a player is dropped", ACCOUNTING, without_one("player_lookup", "scored")),
    mutation(
        "ML",
        "no upstream rows are too few games",
        EXPECTATION,
        (f"THEN {MISSING}", f"THEN {TOO_FEW}"),
    ),
    mutation(
        "ML",
        "the trend is the other way about",
        "feature 11",
        ("NUMERIC), 3) - SAFE", "NUMERIC), 3) * -1 + SAFE"),
    ),
    mutation("ML", "a rise of a twentieth", "feature 12", ("NUMERIC '0.10'", "NUMERIC '0.05'")),
    mutation("ML", "what is unknown weighs half", "quality", ("+ 40 * (16", "+ 50 * (16")),
    mutation(
        "ML",
        "gold from 90 on",
        "tier",
        ("feature_quality_score >= 95", "feature_quality_score >= 90"),
    ),
    mutation(
        "ML",
        "the own defense instead of the opponent's",
        "feature 13",
        ("= x.opponent_team_abbr", "= x.team_abbr"),
    ),
]


@pytest.fixture
def dates(simulated: Simulated) -> list[date]:
    return [day for day in simulated.dates if FIRST_DAY <= (day - simulated.start).days <= LAST_DAY]


def caught(simulated: Simulated, code: str, dates: list[date]) -> Iterator[str]:
    """Yield every objection to one processor's output of these dates."""
    load.stage(dates)
    facts, written = load.facts(simulated.start), load.written(dates, [code])
    if not all(
        compare(expected(facts, day)[code], *_there(written[code, day])).is_exact for day in dates
    ):
        yield EXPECTATION
    yield from sorted(
        {violation.check for violation in content_checks.violations(simulated.start, [code])}
    )
    shares = content_checks.output_shares(simulated.start)
    yield from (
        f"jump of {', '.join(jump.names)}"
        for jump in content_checks.jumps(simulated.start, dates, shares)
        if jump.table == code
    )


def _there(written: load.Written) -> tuple[frozenset[str], dict[str, str]]:
    return written.rows, written.failures


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_wrong_rule_is_caught(
    mutation: Mutation, simulated: Simulated, dates: list[date], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "render", mutation.render)
    with simulated.restored(mutation.code, dates):
        outcomes = simulated.run(mutation.code, dates)
        found = (
            [ACCOUNTING]
            if any(o.error for o in outcomes)
            else list(caught(simulated, mutation.code, dates))
        )
    assert mutation.caught_by in found
    assert mutation.caught_by == EXPECTATION or EXPECTATION not in found


@pytest.mark.parametrize("code", CHAIN)
def test_the_right_rules_are_caught_by_nothing(
    code: str, simulated: Simulated, dates: list[date]
) -> None:
    outcomes = simulated.run(code, dates)
    assert [o.error for o in outcomes if o.error] == []
    assert list(caught(simulated, code, simulated.dates)) == []
