from __future__ import annotations

from typing import Any

import pytest

from validation.categories import CATEGORIES, DATE_LEVEL
from validation.retry import (
    HAS_NOTHING,
    HAS_ROW,
    RULES,
    FailureFacts,
    RetryClass,
    RetryVerdict,
    UpstreamRuns,
    verdict,
)

NOW, LATER, NEVER, FIX = (
    RetryClass.NOW,
    RetryClass.AFTER_UPSTREAM,
    RetryClass.NEVER,
    RetryClass.AFTER_FIX,
)
PHASE3_CHANGED = RetryVerdict(NOW, "Phase 3 changed after the run")
CHANGED = RetryVerdict(NOW, "the code changed after the run")
SAME = RetryVerdict(FIX, "the code did not change after the run: fix the code first")
PHASE3_FIRST = RetryVerdict(LATER, "waiting for Phase 3: run Phase 3 first")
AGAIN = RetryVerdict(NOW, "upstream ran again after the run")
PSZA = {"upstream": UpstreamRuns.NOT_COMPLETE, "waits_for": ("PSZA",)}
WAITS = RetryVerdict(LATER, "waiting for PSZA")


def judged(failure: str, **facts: Any) -> RetryVerdict:
    return verdict(FailureFacts(failure=failure, **facts))


def missing(causes: dict[str, int], **facts: Any) -> RetryVerdict:
    return judged("MISSING_DEPENDENCY", causes=causes, **facts)


def test_too_few_games_are_never_retried_unless_phase_3_has_changed() -> None:
    assert judged("INSUFFICIENT_DATA") == RetryVerdict(
        NEVER, "too few games, and Phase 3 did not change after the run"
    )
    assert (
        judged("INSUFFICIENT_DATA", code_has_changed=True, upstream=UpstreamRuns.AFTER).retry
        is NEVER
    )
    assert judged("INSUFFICIENT_DATA", phase3_has_changed=True) == PHASE3_CHANGED


def test_failures_that_wait_for_missing_rows_are_not_called_expected() -> None:
    load_first = RetryVerdict(
        RetryClass.AFTER_UPSTREAM,
        "some fail only because Phase 3 rows of earlier dates are missing: load them first",
    )
    assert judged("INSUFFICIENT_DATA", waits_for_rows=True) == load_first
    assert missing({"INSUFFICIENT_DATA": 3}, waits_for_rows=True) == load_first
    assert judged("INSUFFICIENT_DATA", waits_for_rows=True, phase3_has_changed=True).retry is (
        RetryClass.NOW
    )


def test_a_missing_row_waits_while_upstream_is_not_complete_and_runs_when_it_ran_again() -> None:
    assert missing({HAS_ROW: 3}, **PSZA) == WAITS
    assert missing({"INSUFFICIENT_DATA": 3}, upstream=UpstreamRuns.AFTER) == AGAIN


@pytest.mark.parametrize(
    ("causes", "expected"),
    [
        (
            {"INSUFFICIENT_DATA": 30},
            RetryVerdict(NEVER, "too few games upstream; only more games fix it"),
        ),
        (
            {"INSUFFICIENT_DATA": 30, "PROCESSING_ERROR": 2},
            RetryVerdict(LATER, "upstream has a bug in 2 entities"),
        ),
        (
            {"PROCESSING_ERROR": 2, "UNKNOWN": 1, "INSUFFICIENT_DATA": 0},
            RetryVerdict(LATER, "upstream has a bug in 3 entities"),
        ),
        (
            {HAS_ROW: 1_200, "PROCESSING_ERROR": 2},
            RetryVerdict(NOW, "upstream has a row of 1,200 entities now"),
        ),
        *(
            (
                causes,
                RetryVerdict(
                    LATER,
                    "upstream has no row for the entities, and too few games are not the only "
                    "cause",
                ),
            )
            for causes in (
                {HAS_NOTHING: 1},
                {"INCOMPLETE_DATA": 1, "INSUFFICIENT_DATA": 4},
                {"MISSING_DEPENDENCY": 1},
                {},
            )
        ),
    ],
)
def test_a_missing_row_is_judged_by_what_upstream_has_for_its_entities(
    causes: dict[str, int], expected: RetryVerdict
) -> None:
    assert missing(causes) == expected


def test_other_rows_may_give_upstream_what_it_lacked() -> None:
    reason = "Phase 3 changed after the run, so an upstream rerun can add the rows"
    assert missing({"INSUFFICIENT_DATA": 3}, phase3_has_changed=True) == RetryVerdict(LATER, reason)


@pytest.mark.parametrize("failure", ["INCOMPLETE_DATA", DATE_LEVEL])
def test_what_lacks_phase_3_waits_for_it(failure: str) -> None:
    assert judged(failure) == PHASE3_FIRST
    assert judged(failure, upstream=UpstreamRuns.AFTER, code_has_changed=True) == PHASE3_FIRST
    assert judged(failure, phase3_has_changed=True) == PHASE3_CHANGED


def test_a_live_run_refused_for_its_upstream_waits_for_that_and_not_for_phase_3() -> None:
    assert judged(DATE_LEVEL, refused_for_upstream=True, phase3_has_changed=True, **PSZA) == WAITS
    expected = RetryVerdict(NOW, "the upstream runs are complete now")
    assert judged(DATE_LEVEL, refused_for_upstream=True, upstream=UpstreamRuns.AFTER) == expected


@pytest.mark.parametrize(
    "failure", ["UNKNOWN", "AccountingError", "StatementFailed", "ZeroDivisionError", "whatever"]
)
def test_a_defect_is_retried_after_a_fix_and_other_rows_fix_nothing(failure: str) -> None:
    assert judged(failure) == SAME
    assert judged(failure, phase3_has_changed=True, upstream=UpstreamRuns.AFTER) == SAME
    assert judged(failure, code_has_changed=True) == CHANGED


def test_an_impossible_value_is_retried_after_other_rows_only() -> None:
    same = RetryVerdict(FIX, "Phase 3 did not change after the run: fix the source row first")
    assert judged("PROCESSING_ERROR") == same
    assert judged("PROCESSING_ERROR", code_has_changed=True) == same
    assert judged("PROCESSING_ERROR", phase3_has_changed=True) == PHASE3_CHANGED


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("WarehouseBusy", "transient error"),
        ("WorkerLost", "transient error"),
        (
            "CorruptPartition",
            "a retry reads the file again; replace the damaged file first",
        ),
        ("cancelled", "the run was cancelled before it completed"),
        ("lost", "the run was complete, but its partition is missing or unreadable"),
    ],
)
def test_what_passes_is_retried_now(failure: str, reason: str) -> None:
    assert judged(failure) == RetryVerdict(NOW, reason)


def test_what_was_blocked_runs_when_all_before_it_is_complete() -> None:
    assert (
        judged("blocked", upstream=UpstreamRuns.NOT_COMPLETE, waits_for=("TDZA", "PSZA")).reason
        == "waiting for TDZA and PSZA"
    )
    assert judged("blocked", **PSZA) == WAITS
    for upstream in (UpstreamRuns.BEFORE, UpstreamRuns.AFTER):
        assert judged("blocked", upstream=upstream) == RetryVerdict(
            NOW, "the upstream runs are complete now"
        )


def test_a_file_that_upstream_has_to_write_again_is_waited_for() -> None:
    assert judged("CorruptPartition", **PSZA) == WAITS


def test_every_category_has_a_rule_or_is_a_defect_and_can_retry_decides_nothing() -> None:
    assert [c.name for c in CATEGORIES if c.name not in RULES] == ["UNKNOWN"]
    assert {c.name: (c.can_retry, judged(c.name).retry) for c in CATEGORIES} == {
        "PROCESSING_ERROR": (False, FIX),
        "INSUFFICIENT_DATA": (True, NEVER),
        "MISSING_DEPENDENCY": (True, LATER),
        "INCOMPLETE_DATA": (True, LATER),
        "UNKNOWN": (False, FIX),
    }


def test_every_reason_is_one_sentence() -> None:
    every = [
        judged(name, upstream=upstream) for name in (*RULES, "UNKNOWN") for upstream in UpstreamRuns
    ]
    assert [
        v.reason for v in every if not v.reason or "\n" in v.reason or v.reason.endswith(".")
    ] == []
