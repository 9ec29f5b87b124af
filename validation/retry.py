"""Retry rules: whether a retry can fix a group of failures, with a one-sentence reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from validation import categories
from validation.categories import BY_NAME, DATE_LEVEL
from validation.findings.kinds import pluralize

# Failures of a (processor, date) besides the categories and the classes of raised errors.
BLOCKED, CANCELLED = "blocked", "cancelled"
LOST = "lost"  # complete, but its files are missing or damaged
# Transient errors: the same run can succeed without a change.
PASSING = ("WarehouseBusy", "WarehouseUnwritable", "WorkerLost")
CORRUPT = "CorruptPartition"
# Upstream status of MISSING_DEPENDENCY entities without an upstream failure.
HAS_ROW, HAS_NOTHING = "has a row", "has nothing"


class RetryClass(StrEnum):
    """Condition under which a retry can fix a failure."""

    NOW = "now"
    AFTER_UPSTREAM = "after upstream"
    NEVER = "never (expected)"
    AFTER_FIX = "after a fix"


class UpstreamRuns(StrEnum):
    """Newest upstream runs of the date, compared with the run that depends on them."""

    AFTER = "complete after this run"
    BEFORE = "complete before this run"
    NOT_COMPLETE = "not complete"


@dataclass(frozen=True, kw_only=True)
class FailureFacts:
    """Group of failures of one (processor, date), and the changes after its run.

    `failure` is a category, the class of an error, DATE_LEVEL, BLOCKED, CANCELLED or LOST. `causes`
    counts the entities of MISSING_DEPENDENCY by the category of their upstream failure, or HAS_ROW
    or HAS_NOTHING. `waits_for` has the incomplete upstream processors, `stale_upstream` the stale ones,
    which a retry reruns too. `waits_for_rows` is set if some fail only because
    Phase 3 rows are missing, `refused_for_upstream` is
    set for DATE_LEVEL if a normal-mode check found no successful upstream run.
    """

    failure: str
    phase3_has_changed: bool = False
    code_has_changed: bool = False
    upstream: UpstreamRuns = UpstreamRuns.BEFORE
    waits_for: tuple[str, ...] = ()
    stale_upstream: tuple[str, ...] = ()
    refused_for_upstream: bool = False
    causes: Mapping[str, int] = field(default_factory=dict)
    waits_for_rows: bool = False


@dataclass(frozen=True)
class RetryVerdict:
    """Condition for a retry, with the reason."""

    retry: RetryClass
    reason: str

    @property
    def is_of_changed_rows(self) -> bool:
        """True if Phase 3 rows that it reads changed after the run."""
        return self.reason == PHASE3_CHANGED


def verdict(facts: FailureFacts) -> RetryVerdict:
    """Return when a retry can fix a group of failures.

    The column `can_retry` of the failures table is not used: it depends on the category alone.
    """
    return RULES.get(facts.failure, _broken)(facts)


def _now(reason: str) -> RetryVerdict:
    return RetryVerdict(RetryClass.NOW, reason)


def _after_upstream(reason: str) -> RetryVerdict:
    return RetryVerdict(RetryClass.AFTER_UPSTREAM, reason)


def _waiting(facts: FailureFacts) -> RetryVerdict:
    return _after_upstream(f"waiting for {' and '.join(facts.waits_for) or 'upstream'}")


PHASE3_CHANGED = "Phase 3 changed after the run"
ROWS_MISSING = "some fail only because Phase 3 rows of earlier dates are missing: load them first"


def _passing(facts: FailureFacts) -> RetryVerdict:
    return _now("transient error")


def _lost(facts: FailureFacts) -> RetryVerdict:
    return _now("the run was complete, but its partition is missing or unreadable")


def _corrupt(facts: FailureFacts) -> RetryVerdict:
    if facts.upstream is UpstreamRuns.NOT_COMPLETE:
        return _waiting(facts)
    return _now("a retry reads the file again; replace the damaged file first")


def _cancelled(facts: FailureFacts) -> RetryVerdict:
    return _now("the run was cancelled before it completed")


def _blocked(facts: FailureFacts) -> RetryVerdict:
    if facts.upstream is UpstreamRuns.NOT_COMPLETE:
        return _waiting(facts)
    return _now("the upstream runs are complete now")


def _too_few(facts: FailureFacts) -> RetryVerdict:
    if facts.phase3_has_changed:
        return _now(PHASE3_CHANGED)
    if facts.waits_for_rows:
        return _after_upstream(ROWS_MISSING)
    return RetryVerdict(RetryClass.NEVER, "too few games, and Phase 3 did not change after the run")


def _missing(facts: FailureFacts) -> RetryVerdict:
    """Return the strongest condition among the entities."""
    if facts.upstream is UpstreamRuns.NOT_COMPLETE:
        return _waiting(facts)
    if facts.upstream is UpstreamRuns.AFTER:
        return _now("upstream ran again after the run")
    if facts.stale_upstream:
        return _now(f"{' and '.join(facts.stale_upstream)} is stale: the retry reruns it first")
    causes = {cause: n for cause, n in facts.causes.items() if n}
    if n := causes.get(HAS_ROW, 0):
        return _now(f"upstream has a row of {pluralize(n, 'entity')} now")
    if n := sum(n for cause, n in causes.items() if cause in BY_NAME and BY_NAME[cause].is_bug):
        return _after_upstream(f"upstream has a bug in {pluralize(n, 'entity')}")
    if facts.phase3_has_changed:
        return _after_upstream(f"{PHASE3_CHANGED}, so an upstream rerun can add the rows")
    if facts.waits_for_rows:
        return _after_upstream(ROWS_MISSING)
    if causes.keys() == {categories.INSUFFICIENT_DATA.name}:
        return RetryVerdict(RetryClass.NEVER, "too few games upstream; only more games fix it")
    return _after_upstream(
        "upstream has no row for the entities, and too few games are not the only cause"
    )


def _incomplete(facts: FailureFacts) -> RetryVerdict:
    if facts.phase3_has_changed:
        return _now(PHASE3_CHANGED)
    return _after_upstream("waiting for Phase 3: run Phase 3 first")


def _whole_date(facts: FailureFacts) -> RetryVerdict:
    return _blocked(facts) if facts.refused_for_upstream else _incomplete(facts)


def _impossible(facts: FailureFacts) -> RetryVerdict:
    # Another statement reads the same value: only another source row fixes it.
    if facts.phase3_has_changed:
        return _now(PHASE3_CHANGED)
    return RetryVerdict(
        RetryClass.AFTER_FIX, "Phase 3 did not change after the run: fix the source row first"
    )


def _broken(facts: FailureFacts) -> RetryVerdict:
    """Return the condition for a defect of the code, and for unknown errors."""
    if facts.code_has_changed:
        return _now("the code changed after the run")
    return RetryVerdict(
        RetryClass.AFTER_FIX,
        "the code did not change after the run: fix the code first",
    )


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
