"""Checks of normal mode: defensive (upstream runs), freshness, completeness, Phase 5 trigger.

This module makes the first two before a live run. The run's statement checks completeness, and
the outbox sends the trigger. Each run stores the results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Literal, TypedDict

from backfill.errors import CorruptPartition
from backfill.models import Run
from backfill.processors.registry import BY_NAME, PROCESSORS, Processor
from backfill.statements import render
from backfill.warehouse.port import Row, Warehouse
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, UPGC
from validation import thresholds
from validation.categories import INCOMPLETE_DATA

SUCCESS = "success"


Status = Literal["passed", "warned", "refused", "skipped"]


class CheckRecord(TypedDict):
    """Result of one check in `Run.checks`; a skipped check has 0 seconds and a reason."""

    name: str
    status: Status
    seconds: float
    why: str


@dataclass(frozen=True)
class LiveCheck:
    """Check of normal mode, and the reason why backfill mode skips it."""

    name: str
    backfill_skips_it_because: str

    def ended(self, status: Status, reason: str = "", seconds: float = 0.0) -> CheckRecord:
        """Return the stored result of this check."""
        return {"name": self.name, "status": status, "seconds": seconds, "why": reason}


DEFENSIVE = LiveCheck("defensive", "past dates need no upstream check")
FRESHNESS = LiveCheck("freshness", "past data does not change")
COMPLETENESS = LiveCheck("completeness", "past data is assumed complete")
TRIGGER = LiveCheck("trigger", "Phase 5 does not process past dates")
KINDS = (DEFENSIVE, FRESHNESS, COMPLETENESS, TRIGGER)


@dataclass(frozen=True)
class Freshness:
    """Maximum age of a source before a warning, and before a refusal."""

    warn: timedelta
    refuse: timedelta


# Teams can rest for days, so their sources may be older.
TEAM_FRESHNESS = Freshness(timedelta(hours=72), timedelta(hours=168))
FRESHNESS_LIMITS = Freshness(timedelta(hours=24), timedelta(hours=72))


@dataclass(frozen=True, kw_only=True)
class LiveRun:
    """Processor on one date; `previous` is the preceding processing date."""

    processor: Processor
    day: date
    season_start: date
    previous: date | None
    started_at: datetime

    def reference(self, source: Table) -> date | None:
        """Return the date on which a Phase 3 source requires rows."""
        return self.day if source is UPGC else self.previous

    def window(self, source: Table) -> tuple[date, date]:
        """Return the first and last date of the rows that the run may read."""
        if source.kind == "output" or source is UPGC:
            return self.day, self.day
        return self.season_start, self.day - timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class LiveCheckResult:
    """Result of the checks before a live run; both texts are empty for a clean result.

    `refused_by` is the refusing check, `detail` its `upstream` processor or `source`, and `checks`
    the results so far.
    """

    refusal: str = ""
    warning: str = ""
    refused_by: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)
    # Not compared, because seconds differ every time.
    checks: tuple[CheckRecord, ...] = field(default=(), compare=False)


def check(warehouse: Warehouse, run: LiveRun) -> LiveCheckResult:
    """Run the defensive and the freshness check up to the first refusal."""
    began = perf_counter()
    refusal, detail = next(_defensive(warehouse, run), ("", {}))
    made = [DEFENSIVE.ended("refused" if refusal else "passed", refusal, perf_counter() - began)]
    if refusal:
        return _refused(DEFENSIVE, refusal, detail, made)
    began = perf_counter()
    refusal, warning, detail = _freshness(warehouse, run)
    status: Status = "refused" if refusal else "warned" if warning else "passed"
    made.append(FRESHNESS.ended(status, refusal or warning, perf_counter() - began))
    if refusal:
        return _refused(FRESHNESS, refusal, detail, made)
    return LiveCheckResult(
        warning=f"warning: {warning}" if warning else "", checks=(*made, *_waived(run))
    )


def _refused(
    kind: LiveCheck, refusal: str, detail: Mapping[str, str], made: list[CheckRecord]
) -> LiveCheckResult:
    return LiveCheckResult(
        refusal=refusal, refused_by=kind.name, detail=detail, checks=(*made, *_not_reached(made))
    )


def _not_reached(made: list[CheckRecord]) -> Iterator[CheckRecord]:
    for kind in KINDS[len(made) :]:
        yield kind.ended("skipped", f"the {made[-1]['name']} check refused the run")


def _waived(run: LiveRun) -> Iterator[CheckRecord]:
    """Yield the skipped completeness check of a run whose statement does not make it."""
    index = (run.day - run.season_start).days
    if reason := run.processor.no_completeness:
        yield COMPLETENESS.ended("skipped", reason)
    elif index < (first := thresholds.COMPLETENESS.first_day):
        waived = f"waived on day {index} of the season; it starts on day {first}"
        yield COMPLETENESS.ended("skipped", waived)


def left_out() -> list[CheckRecord]:
    """Return the skipped checks of a run in backfill mode."""
    return [kind.ended("skipped", kind.backfill_skips_it_because) for kind in KINDS]


def concluded(run: Run, trigger: CheckRecord) -> list[CheckRecord]:
    """Return the four checks of a finished run in normal mode.

    A check that the run did not reach is skipped with the reason of the run.
    """
    made = {trigger["name"]: trigger, **{c["name"]: c for c in run.checks}}
    if COMPLETENESS.name not in made and run.population:
        made[COMPLETENESS.name] = _completeness(run)
    return [made.get(kind.name) or kind.ended("skipped", run.reason) for kind in KINDS]


def _completeness(run: Run) -> CheckRecord:
    incomplete = run.failures.get(INCOMPLETE_DATA.name, 0)
    reason = (
        f"{incomplete:,} of {run.population:,} entities {INCOMPLETE_DATA.name}; "
        "checked in the statement, so the seconds cover the entire query"
    )
    return COMPLETENESS.ended(
        "warned" if incomplete else "passed", reason, run.query_seconds or 0.0
    )


def newest_runs(warehouse: Warehouse, day: date) -> dict[str, Row]:
    """Return the newest run for a date by processor name.

    Each row has status, run_id, records_created and records_failed.
    """
    return {r["processor_name"]: r for r in _runs(warehouse, day)}


def why_no_success(newest: Row | None, day: date) -> str:
    """Describe why a processor's newest run for a date is not a success; empty for a success."""
    if newest is None:
        return f"no run for {day}"
    return "" if newest["status"] == SUCCESS else f"the newest run for {day} is {newest['status']}"


def _runs(warehouse: Warehouse, day: date) -> list[Row]:
    return warehouse.query(render("runs-of-date"), {"day": day, "dates": [day]})


def _defensive(warehouse: Warehouse, run: LiveRun) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each refusal with its upstream processor or source."""
    history = _runs(warehouse, run.day)
    newest = {r["processor_name"]: r for r in history}
    for upstream in (PROCESSORS[code] for code in run.processor.after):
        if fact := why_no_success(newest.get(upstream.name), run.day):
            yield f"defensive: {upstream.output}: {fact}", {"upstream": upstream.code}
    proven = {
        r["output_table"]
        for r in history
        if r["status"] == SUCCESS and r["processor_name"] not in BY_NAME
    }
    for source in run.processor.sources:
        reference = run.reference(source)
        if source.name not in proven and (
            reference is None or not _newest(warehouse, source, reference, reference)[0]
        ):
            text = f"defensive: {source}: no row for {reference or run.day} and no successful run"
            yield text, {"source": str(source)}


def _freshness(warehouse: Warehouse, run: LiveRun) -> tuple[str, str, dict[str, str]]:
    """Return (refusal, warnings, source of the refusal); the first refusal ends the check."""
    warnings = []
    for is_refusal, text, source in _stale(warehouse, run):
        if is_refusal:
            return text, "", {"source": str(source)}
        warnings.append(text)
    return "", "; ".join(warnings), {}


def _stale(warehouse: Warehouse, run: LiveRun) -> Iterator[tuple[bool, str, Table]]:
    """Yield stale sources as (is refusal, text, source)."""
    limits = TEAM_FRESHNESS if run.processor.is_about_teams else FRESHNESS_LIMITS
    for source in (*run.processor.sources, *run.processor.reads):
        count, newest = _newest(warehouse, source, *run.window(source))
        if newest is None or not count:
            yield True, f"freshness: {source}: no row that the run may read", source
            continue
        age = run.started_at - newest.replace(tzinfo=UTC)
        if age > limits.warn:
            yield (
                age > limits.refuse,
                f"freshness: {source}: {age / timedelta(hours=1):.0f} hours old",
                source,
            )


def _newest(
    warehouse: Warehouse, table: Table, first: date, last: date
) -> tuple[int, datetime | None]:
    (found,) = warehouse.query(render("newest-row", table=table), {"first": first, "last": last})
    return found["n"], found["newest"]


def refuse(warehouse: Warehouse, run: LiveRun, run_id: str, reason: str) -> None:
    """Log a refused run as a DATE_LEVEL failure of the date; its output stays unchanged."""
    params = {
        "processor_name": run.processor.name,
        "run_id": run_id,
        "reason": reason,
        "started_at": run.started_at,
        "day": run.day,
        "dates": [run.day],
    }
    name, sql = run.processor.name, render("refused-date")

    def replace() -> None:
        warehouse.replace(FAILURES, [run.day], sql, params, name)

    try:
        replace()
    except CorruptPartition as error:
        if (error.detail.get("table"), error.detail.get("processor_name")) != (str(FAILURES), name):
            raise
        warehouse.set_aside(error)  # the slice that is being replaced
        replace()
