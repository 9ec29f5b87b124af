"""What failed and what has changed since in, whether doing it again helps out, with the reason in
one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from validation import categories
from validation.categories import BY_NAME, DATE_LEVEL

# What else than a category can be wrong with a (processor, date); the class of an error that was
# raised is one too.
BLOCKED, CANCELLED = "blocked", "cancelled"
LOST = "lost"  # it was complete, and its files are gone or damaged
# Errors of the moment: nothing has to change before the same run can succeed.
PASSING = ("WarehouseBusy", "WarehouseUnwritable", "WorkerLost")
CORRUPT = "CorruptPartition"
# What the entities of MISSING_DEPENDENCY have upstream, where that is no failure.
HAS_ROW, HAS_NOTHING = "has a row", "has nothing"


class RetryClass(StrEnum):
    """When a retry heals a failure."""

    NOW = "now"
    AFTER_UPSTREAM = "after upstream"
    NEVER = "never (expected)"
    AFTER_FIX = "after a fix"


class UpstreamRuns(StrEnum):
    """Where the processors stand that a run waits for: their newest runs of its date, against that
    run.
    """

    AFTER = "complete after this run"
    BEFORE = "complete before this run"
    NOT_COMPLETE = "not complete"


@dataclass(frozen=True)
class FailureFacts:
    """One group of failures of one (processor, date), and what has happened since its run.

    `failure` is a category, the class of an error, DATE_LEVEL, BLOCKED, CANCELLED or LOST. `causes`
    counts the entities of
    MISSING_DEPENDENCY by the category of their failure upstream, or HAS_ROW, or HAS_NOTHING.
    """

    failure: str
    phase3_has_changed: bool = False
    code_has_changed: bool = False
    upstream: UpstreamRuns = UpstreamRuns.BEFORE
    waits_for: tuple[str, ...] = ()  # of upstream, what is not complete
    refused_for_upstream: bool = (
        False  # of DATE_LEVEL: normal mode found no success of a processor before it
    )
    causes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RetryVerdict:
    """When a retry heals it, and why."""

    retry: RetryClass
    reason: str


def verdict(facts: FailureFacts) -> RetryVerdict:
    """Decide when a retry heals a group of failures; `can_retry` of the failures table takes no
    part.
    """
    return RULES.get(facts.failure, _broken)(facts)


def _now(reason: str) -> RetryVerdict:
    return RetryVerdict(RetryClass.NOW, reason)


def _after_upstream(reason: str) -> RetryVerdict:
    return RetryVerdict(RetryClass.AFTER_UPSTREAM, reason)


def _waiting(facts: FailureFacts) -> RetryVerdict:
    return _after_upstream(f"it waits for {' and '.join(facts.waits_for) or 'its upstream'}")


PHASE3_CHANGED = "Phase 3 has changed since the run"


def _passing(facts: FailureFacts) -> RetryVerdict:
    return _now("it was an error of the moment")


def _lost(facts: FailureFacts) -> RetryVerdict:
    return _now("it was complete, and its partition is gone or cannot be read")


def _corrupt(facts: FailureFacts) -> RetryVerdict:
    if facts.upstream is UpstreamRuns.NOT_COMPLETE:
        return _waiting(facts)
    return _now("the file is read again; it fails as before until it has been replaced")


def _cancelled(facts: FailureFacts) -> RetryVerdict:
    return _now("it was cancelled before it was complete")


def _blocked(facts: FailureFacts) -> RetryVerdict:
    if facts.upstream is UpstreamRuns.NOT_COMPLETE:
        return _waiting(facts)
    return _now("what it waited for is complete now")


def _too_few(facts: FailureFacts) -> RetryVerdict:
    if facts.phase3_has_changed:
        return _now(PHASE3_CHANGED)
    return RetryVerdict(
        RetryClass.NEVER, "only more games cure it, and Phase 3 has not changed since the run"
    )


def _missing(facts: FailureFacts) -> RetryVerdict:
    """The strongest claim that any of the entities has."""
    if facts.upstream is UpstreamRuns.NOT_COMPLETE:
        return _waiting(facts)
    if facts.upstream is UpstreamRuns.AFTER:
        return _now("its upstream ran again since")
    causes = {cause: n for cause, n in facts.causes.items() if n}
    if n := causes.get(HAS_ROW, 0):
        return _now(f"upstream has the row of {n:,} after all")
    if n := sum(n for cause, n in causes.items() if cause in BY_NAME and BY_NAME[cause].is_bug):
        return _after_upstream(f"upstream failed {n:,} by a bug")
    if facts.phase3_has_changed:
        return _after_upstream(f"{PHASE3_CHANGED}, so upstream may have them after it runs again")
    if causes.keys() == {categories.INSUFFICIENT_DATA.name}:
        return RetryVerdict(
            RetryClass.NEVER, "upstream had too few games for them, which only more games cure"
        )
    return _after_upstream(
        "upstream has no row for them and does not say that it had too few games"
    )


def _incomplete(facts: FailureFacts) -> RetryVerdict:
    if facts.phase3_has_changed:
        return _now(PHASE3_CHANGED)
    return _after_upstream("it waits for Phase 3: run that first")


def _whole_date(facts: FailureFacts) -> RetryVerdict:
    return _blocked(facts) if facts.refused_for_upstream else _incomplete(facts)


def _impossible(facts: FailureFacts) -> RetryVerdict:
    if facts.phase3_has_changed:
        return _now(PHASE3_CHANGED)
    return _broken(facts)


def _broken(facts: FailureFacts) -> RetryVerdict:
    """A defect of the code or of a value, and whatever nobody foresaw."""
    if facts.code_has_changed:
        return _now("the code has changed since the run")
    return RetryVerdict(RetryClass.AFTER_FIX, "the same code on the same rows fails the same way")


RULES: Mapping[str, Callable[[FailureFacts], RetryVerdict]] = {
    categories.INSUFFICIENT_DATA.name: _too_few,
    categories.MISSING_DEPENDENCY.name: _missing,
    categories.INCOMPLETE_DATA.name: _incomplete,
    categories.PROCESSING_ERROR.name: _impossible,
    DATE_LEVEL: _whole_date,
    BLOCKED: _blocked,
    CANCELLED: _cancelled,
    LOST: _lost,
    CORRUPT: _corrupt,
    **dict.fromkeys(PASSING, _passing),
}
