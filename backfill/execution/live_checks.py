"""Normal mode's checks: has upstream run, are the sources there and fresh, is every entity
complete, is Phase 5 told?

Two are made here, before a live run starts; completeness is tested by the run's statement, the
trigger is the outbox's.
How each of them ended is kept with the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Literal, TypedDict

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
    """How one check of a run ended, as `Run.checks` keeps it. One that was skipped took no seconds
    and says why.
    """

    name: str
    status: Status
    seconds: float
    why: str


@dataclass(frozen=True)
class LiveCheck:
    """One of normal mode's checks, and why backfill mode leaves it out."""

    name: str
    backfill_skips_it_because: str

    def ended(self, status: Status, reason: str = "", seconds: float = 0.0) -> CheckRecord:
        """The check of one run, as it is kept."""
        return {"name": self.name, "status": status, "seconds": seconds, "why": reason}


DEFENSIVE = LiveCheck("defensive", "history needs no proof that its upstream ran")
FRESHNESS = LiveCheck("freshness", "history does not change")
COMPLETENESS = LiveCheck("completeness", "the data is trusted to exist")
TRIGGER = LiveCheck("trigger", "no Phase 5 work for history")
KINDS = (DEFENSIVE, FRESHNESS, COMPLETENESS, TRIGGER)


@dataclass(frozen=True)
class Freshness:
    """How old a source may be before a run warns, and before it is refused."""

    warn: timedelta
    refuse: timedelta


# Teams can rest for days, so what is read team by team may be older.
TEAM_FRESHNESS = Freshness(timedelta(hours=72), timedelta(hours=168))
FRESHNESS_LIMITS = Freshness(timedelta(hours=24), timedelta(hours=72))


@dataclass(frozen=True)
class LiveRun:
    """One processor on one date; `previous` is the processing date before it, `season_start`
    opening night.
    """

    processor: Processor
    day: date
    season_start: date
    previous: date | None
    started_at: datetime

    def reference(self, source: Table) -> date | None:
        """The date on which a Phase 3 source must have rows."""
        return self.day if source is UPGC else self.previous

    def window(self, source: Table) -> tuple[date, date]:
        """The first and last date of the rows that the run may read."""
        if source.kind == "output" or source is UPGC:
            return self.day, self.day
        return self.season_start, self.day - timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class LiveCheckResult:
    """Whether a live run may start; both texts are empty when nothing is wrong. `checks` are those
    decided so far.

    `refused_by` is the check that refused, `detail` has the `upstream` processor or the `source`
    that it found wanting.
    """

    refusal: str = ""
    warning: str = ""
    refused_by: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[CheckRecord, ...] = field(
        default=(), compare=False
    )  # the seconds differ every time


def check(warehouse: Warehouse, run: LiveRun) -> LiveCheckResult:
    """Run the defensive and the freshness check; the first refusal ends them."""
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
    """The completeness check of a run whose statement does not make it."""
    index = (run.day - run.season_start).days
    if reason := run.processor.no_completeness:
        yield COMPLETENESS.ended("skipped", reason)
    elif index < (first := thresholds.COMPLETENESS.first_day):
        waived = f"waived on day {index} of the season; it starts on day {first}"
        yield COMPLETENESS.ended("skipped", waived)


def left_out() -> list[CheckRecord]:
    """The checks of a run in backfill mode."""
    return [kind.ended("skipped", kind.backfill_skips_it_because) for kind in KINDS]


def concluded(run: Run, trigger: CheckRecord) -> list[CheckRecord]:
    """All four checks of a run that has ended in normal mode; what it did not come to is skipped
    for the reason it gives.
    """
    made = {trigger["name"]: trigger, **{c["name"]: c for c in run.checks}}
    if COMPLETENESS.name not in made and run.population:
        made[COMPLETENESS.name] = _completeness(run)
    return [made.get(kind.name) or kind.ended("skipped", run.reason) for kind in KINDS]


def _completeness(run: Run) -> CheckRecord:
    found = run.failures.get(INCOMPLETE_DATA.name, 0)
    reason = (
        f"{found:,} of {run.population:,} entities {INCOMPLETE_DATA.name}; "
        "tested inside the statement: the seconds are those of the run's whole query"
    )
    return COMPLETENESS.ended("warned" if found else "passed", reason, run.query_seconds or 0.0)


def newest_runs(warehouse: Warehouse, day: date) -> dict[str, Row]:
    """The newest run for a date by the name of its processor: status, run_id, records_created and
    records_failed.
    """
    return {r["processor_name"]: r for r in _runs(warehouse, day)}


def why_no_success(newest: Row | None, day: date) -> str:
    """What keeps a processor's newest run for a date from being a success; empty when it is one."""
    if newest is None:
        return f"no run for {day}"
    return "" if newest["status"] == SUCCESS else f"the newest run for {day} is {newest['status']}"


def _runs(warehouse: Warehouse, day: date) -> list[Row]:
    return warehouse.query(render("runs-of-date"), {"day": day, "dates": [day]})


def _defensive(warehouse: Warehouse, run: LiveRun) -> Iterator[tuple[str, dict[str, str]]]:
    """Each refusal with what it is about."""
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
    """The first refusal, or all warnings; and what a refusal is about."""
    warnings = []
    for is_refusal, text, source in _stale(warehouse, run):
        if is_refusal:
            return text, "", {"source": str(source)}
        warnings.append(text)
    return "", "; ".join(warnings), {}


def _stale(warehouse: Warehouse, run: LiveRun) -> Iterator[tuple[bool, str, Table]]:
    """Sources that are too old, as (refuses, text, source)."""
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
    """Log a refused run as the date's one DATE_LEVEL failure; all else stays as it is."""
    params = {
        "processor_name": run.processor.name,
        "run_id": run_id,
        "reason": reason,
        "started_at": run.started_at,
        "day": run.day,
        "dates": [run.day],
    }
    sql = render("refused-date")
    warehouse.replace(FAILURES, [run.day], sql, params, run.processor.name)
