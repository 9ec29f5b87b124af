"""Consequences under their root cause."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.validation.judged_seasons import YEAR, A, B, C, D, failed, make_ran, make_season
from validation.expectation import BAD, MISSING, ExpectationDiff
from validation.findings import kinds
from validation.findings.finding_kind import FindingKind, Severity
from validation.findings.kinds import FindingDraft
from validation.findings.root_causes import REACH, WINDOW, with_roots
from validation.processor_rules import ML, PCF, PDC, PSZA, TDZA


def draft(kind: FindingKind, codes: tuple[str, ...], *dates: date, **given: Any) -> FindingDraft:
    fields = {"subject": f"{codes} {dates}", "sentence": "", **given}
    return FindingDraft(kind=kind, season=YEAR, dates=dates, processors=codes, **fields)


def roots(*found: FindingDraft, **season: Any) -> list[int | None]:
    """Return the place of each finding's root."""
    keys = [f.key for f in found]
    runs = season.pop("runs", ())
    linked = with_roots(make_season(*runs, **season), found)
    return [keys.index(f.root) if f.root else None for f in linked]


def test_all_that_is_below_a_lost_partition_on_its_date_follows_from_it() -> None:
    lost = make_ran(PSZA, B, is_lost=True)
    found = (
        draft(kinds.LOST_PARTITION, (PSZA,), B),
        draft(kinds.UNEXPLAINED, (PDC,), B),
        draft(kinds.WRONG_CONTENT, (PCF,), B),
        draft(kinds.ODD_DATE, (ML,), B),
        draft(kinds.UNEXPLAINED, (PDC,), B, C, subject="other dates too"),
        draft(kinds.WRONG_CONTENT, (TDZA,), B),
    )
    assert roots(*found, runs=[lost]) == [None, 0, 0, 0, None, None]


def test_the_first_cause_is_the_root_of_a_chain() -> None:
    found = (
        draft(kinds.BUG, (PSZA,), A, B),
        draft(kinds.UNEXPLAINED, (PDC,), A),
        draft(kinds.HIGH_RATE, (ML,), A),
        draft(kinds.HIGH_RATE, (PSZA,), A, B),
    )
    assert roots(*found) == [None, 0, 0, 0]
    assert roots(*found[1:3]) == [None, 0]


PLAYER_ROWS = {"tables": ["nba_analytics.player_game_summary"]}
CONTEXT_ROWS = {"tables": ["nba_analytics.upcoming_player_game_context"]}
NO_POPULATION = "no population: nba_analytics.upcoming_player_game_context has no rows"


def test_missing_rows_reach_the_rates_of_later_dates_whose_windows_have_them() -> None:
    within, after = B + timedelta(days=20), B + WINDOW + timedelta(days=1)
    found = (
        draft(kinds.PHASE3_MISSING, (), B, evidence=PLAYER_ROWS),
        draft(kinds.MID_SEASON, (PSZA,), within),
        draft(kinds.MID_SEASON, (PDC,), after),
        draft(kinds.MID_SEASON, (ML,), A),
        draft(kinds.MID_SEASON, (TDZA,), within, subject="reads another table"),
        draft(kinds.UNEXPLAINED, (PSZA,), B),
    )
    assert roots(*found) == [None, 0, None, None, None, None]


def test_a_missing_table_explains_the_runs_that_name_it_and_gaps() -> None:
    found = (
        draft(kinds.PHASE3_MISSING, (), B, evidence=CONTEXT_ROWS),
        draft(kinds.RUN_FAILED, (PCF,), B),
        draft(kinds.RUN_FAILED, (PSZA,), B),
        draft(kinds.HOLE, (PDC,), B),
        draft(kinds.HOLE, (PDC,), C),
    )
    runs = [failed(PCF, B, NO_POPULATION), failed(PSZA, B, "disk full")]
    assert roots(*found, runs=runs) == [None, 0, None, 0, None]


def test_a_missing_date_does_not_explain_a_column_that_is_null_on_others() -> None:
    columns = {"table": "PGS", "columns": ["mid_range_makes"]}
    found = (
        draft(kinds.PHASE3_MISSING, (), B, evidence=PLAYER_ROWS),
        draft(kinds.LOW_COVERAGE, (), A, evidence=PLAYER_ROWS),
        draft(kinds.COLUMN_JUMP, (), C, D, evidence=columns),
        draft(kinds.COLUMN_JUMP, (), B, evidence=columns, subject="of the same date"),
        draft(kinds.COLUMN_JUMP, (PSZA,), C, evidence={"table": PSZA}),
    )
    assert roots(*found) == [None, None, None, None, None]


def test_a_constant_column_explains_its_own_jump() -> None:
    columns = {"table": "PGS", "columns": ["minutes_played"]}
    found = (
        draft(kinds.CONSTANT_COLUMN, (), A, B, evidence=columns),
        draft(kinds.COLUMN_JUMP, (), B, evidence=columns),
        draft(kinds.COLUMN_JUMP, (), B, evidence={**columns, "table": "TDGS"}, subject="TDGS"),
        draft(kinds.COLUMN_JUMP, (), C, evidence=columns),
    )
    assert roots(*found) == [None, 0, None, None]


@pytest.mark.parametrize("root", REACH, ids=lambda kind: kind.name)
def test_no_root_explains_a_finding_of_higher_severity(root: FindingKind) -> None:
    rows = {**PLAYER_ROWS, "rows": [{"table": "PGS", "date": str(A), "game_id": "1"}]}
    stale = frozenset({(PSZA, B), (PDC, B)})
    runs = [make_ran(PSZA, B, is_lost=True), failed(PDC, B, refused_by="defensive")]
    for kind in kinds.KINDS:
        found = (
            draft(root, (PSZA,), B, evidence=rows, severity=Severity.WARNING),
            draft(kind, (PDC,), B, evidence=rows, severity=Severity.PROBLEM),
        )
        assert roots(*found, runs=runs, stale=stale)[1] is None


def test_an_impossible_row_of_a_player_explains_no_failed_run() -> None:
    rows = {"rows": [{"table": "PGS", "entity": "homer", "date": str(A), "game_id": "1"}]}
    found = (
        draft(kinds.IMPOSSIBLE_VALUE, (PSZA, PDC, ML), B, C, evidence=rows),
        draft(kinds.RUN_FAILED, (PCF, PDC, ML), B),
        draft(kinds.HOLE, (ML,), C),
        draft(kinds.HIGH_RATE, (ML,), C),
    )
    runs = [failed(code, B, NO_POPULATION, no_population=True) for code in (PCF, PDC, ML)]
    assert roots(*found, runs=runs) == [None, None, None, None]


def test_unexpected_failures_follow_only_from_missing_rows_of_the_same_entities() -> None:
    def diff(**unexplained: str) -> ExpectationDiff:
        return ExpectationDiff(population=9, explained=0, unexplained=unexplained)

    found = (draft(kinds.BUG, (PSZA,), B), draft(kinds.UNEXPLAINED, (PDC,), B))
    for below, root in (
        (diff(homer=MISSING), 0),
        (diff(awad=MISSING), None),
        (diff(homer="INSUFFICIENT_DATA"), None),
    ):
        compared = {(PSZA, B): diff(homer=BAD), (PDC, B): below}
        assert roots(*found, compared=compared) == [None, root]


def test_a_failed_run_explains_refused_and_blocked_runs_only() -> None:
    found = (
        draft(kinds.RUN_FAILED, (PSZA,), B),
        draft(kinds.RUN_FAILED, (PDC,), B),
        draft(kinds.RUN_FAILED, (ML,), B),
        draft(kinds.STILL_BLOCKED, (PCF,), B),
        draft(kinds.HOLE, (PCF,), B),
    )
    runs = [failed(PDC, B, refused_by="defensive"), failed(ML, B, "disk full")]
    assert roots(*found, runs=runs) == [None, 0, None, 0, None]


def test_failures_of_one_row_are_one_finding_and_its_stale_runs_follow() -> None:
    rows = {"rows": [{"table": "PGS", "entity": "homer", "date": str(A), "game_id": "1"}]}
    other = {"rows": [{"table": "PGS", "entity": "awad", "date": str(A), "game_id": "1"}]}
    found = (
        draft(kinds.IMPOSSIBLE_VALUE, (PSZA,), B, evidence=rows),
        draft(kinds.IMPOSSIBLE_VALUE, (PDC,), B, evidence=rows),
        draft(kinds.IMPOSSIBLE_VALUE, (PDC,), C, evidence=other),
        draft(kinds.FORWARD_CASCADE, (PSZA, PDC), B, C),
    )
    assert roots(*found) == [None, 0, None, None]
    assert roots(*found, stale=frozenset({(PSZA, B)})) == [None, 0, None, 0]
    earlier = (found[0], draft(kinds.FORWARD_CASCADE, (PSZA, PDC), A, B))
    assert roots(*earlier, stale=frozenset({(PSZA, B)})) == [None, None]


def test_notes_neither_follow_nor_cause() -> None:
    note = {"severity": Severity.NOTE}
    found = (draft(kinds.BUG, (PSZA,), A), draft(kinds.HIGH_RATE, (PSZA,), A, **note))
    assert roots(*found) == [None, None]
