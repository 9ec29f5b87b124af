"""Consequences under their root cause."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.validation.judged_seasons import YEAR, A, B, C, make_ran, make_season
from validation.findings import kinds
from validation.findings.finding_kind import FindingKind, Severity
from validation.findings.kinds import FindingDraft
from validation.findings.root_causes import WINDOW, with_roots
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


def test_missing_rows_reach_the_rates_of_later_dates_whose_windows_have_them() -> None:
    within, after = B + timedelta(days=20), B + WINDOW + timedelta(days=1)
    found = (
        draft(kinds.PHASE3_MISSING, (), B),
        draft(kinds.RUN_FAILED, (PCF,), B),
        draft(kinds.MID_SEASON, (PSZA,), within),
        draft(kinds.MID_SEASON, (PDC,), after),
        draft(kinds.MID_SEASON, (ML,), A),
        draft(kinds.UNEXPLAINED, (PSZA,), B),
    )
    assert roots(*found) == [None, 0, 0, None, None, None]


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


def test_notes_neither_follow_nor_cause() -> None:
    note = {"severity": Severity.NOTE}
    found = (draft(kinds.BUG, (PSZA,), A), draft(kinds.HIGH_RATE, (PSZA,), A, **note))
    assert roots(*found) == [None, None]
