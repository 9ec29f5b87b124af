"""Complete, stale and failed (processor, date) of a backfill, as the rerun policy needs them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from backfill.models import LONG_AGO, Finding, Key, Run
from backfill.plan import input_signatures
from backfill.plan.options import Options
from backfill.plan.planning import DAMAGED, OUTDATED, Plan, plan
from backfill.processors.registry import BY_NAME as PROCESSOR_BY_NAME
from backfill.processors.registry import PROCESSORS
from backfill.processors.render import sql_hash
from backfill.season_calendar import written_dates
from backfill.warehouse import warehouse
from backfill.warehouse.tables import FAILURES
from validation.categories import BUGS
from validation.findings.kinds import LOST_PARTITION
from validation.retry import CORRUPT
from validation.season import Calendar, Day

REASONS = {
    Run.Status.FAILED: "newest run failed",
    Run.Status.BLOCKED: "newest run was blocked",
}
CANCELLED = "run was cancelled"
LOST = "complete, but its output is lost"
SUCCEEDED = (Run.Status.COMPLETE, Run.Status.SKIPPED)


@dataclass(frozen=True, kw_only=True)
class RerunState:
    """Done keys, and the stale, the failed and the damaged keys with their reasons."""

    done: Collection[Key]
    outdated: dict[Key, str] = field(default_factory=dict)
    failed: dict[Key, str] = field(default_factory=dict)
    damaged: dict[Key, str] = field(default_factory=dict)


def rerun_state(options: Options) -> RerunState:
    """Load the state that these options select, with a fixed number of queries."""
    recorded = Run.objects.done(options.start, options.end)
    unread = unreadable_keys(options)
    done = written_keys(options, recorded) - unread
    damaged = dict.fromkeys(unread | damaged_keys(recorded - done), DAMAGED)
    outdated = stale_keys(options) if options.outdated else {}
    broken = failed(options) if options.failed else {}
    return RerunState(done=done - broken.keys(), outdated=outdated, failed=broken, damaged=damaged)


def failed(options: Options) -> dict[Key, str]:
    """Return the failed, blocked, cancelled and lost keys of the range, each with its reason.

    A cancelled key with a later decisive run is left out.
    """
    newest = Run.objects.deciding(options.start, options.end)
    broken = dict.fromkeys(lost(newest), LOST)
    broken |= {key: _reason(run) for key, run in newest.items() if run.status in REASONS}
    cancelled = Run.objects.filter(
        date__range=(options.start, options.end), status=Run.Status.CANCELLED
    )
    for code, day, job in cancelled.order_by("pk").values_list("processor", "date", "job_id"):
        if (code, day) not in newest:
            broken[code, day] = f"{CANCELLED} (job {job})"
    return broken


def _reason(run: Run) -> str:
    return f"{REASONS[Run.Status(run.status)]} (job {run.job_id})"


def days_of(options: Options, calendar: Calendar) -> list[Day]:
    """Return the selected dates, typed by the calendar."""
    return [calendar.day(day, live=not options.backfill_mode) for day in options.days]


def planned(options: Options, days: Sequence[Day]) -> Plan:
    """Plan these dates with these options and the current state."""
    state = rerun_state(options)
    return plan(options, days, state.done, state.outdated, state.failed, damaged=state.damaged)


def failed_dates(start: date, end: date) -> list[date]:
    """Return the dates whose newest run of any processor failed, was blocked or has bugs."""
    newest = Run.objects.deciding(start, end)
    return sorted(
        {
            day
            for (_, day), run in newest.items()
            if run.status in REASONS or any(map(run.failures.get, BUGS))
        }
    )


def written_keys(options: Options, recorded: Collection[Key]) -> set[Key]:
    """Return the keys that have both partitions in the warehouse, whole."""
    written = written_dates(options.processors, options.days)
    return {(code, day) for code, day in recorded if day in written.get(code, ())}


def damaged_keys(keys: Collection[Key]) -> set[Key]:
    """Return the keys with a visibly damaged output or failures file."""
    found: set[Key] = set()
    for code in {code for code, _ in keys}:
        processor, days = PROCESSORS[code], {day for of, day in keys if of == code}
        look = warehouse().damaged
        damaged = look(processor.output, "", days) | look(FAILURES, processor.name, days)
        found |= {(code, day) for day in damaged}
    return found


def unreadable_keys(options: Options) -> set[Key]:
    """Return the keys whose files the newest runs or the last audits could not read."""
    of_range = Run.objects.filter(date__range=(options.start, options.end), error=CORRUPT)
    damaged = of_audits(options)
    if not damaged and not of_range.exists():
        return set()
    newest = Run.objects.deciding(options.start, options.end)
    rewritten = {
        key for key, at in damaged.items() if key in newest and (newest[key].started_at or at) > at
    }
    return unread(newest) | damaged.keys() - rewritten


def of_audits(options: Options) -> dict[Key, datetime]:
    """Return the keys whose files the last audits could not read, each with the audit's time."""
    found = Finding.objects.about(options.start, options.end).exclude(state=Finding.State.CLOSED)
    keys: dict[Key, datetime] = {}
    for evidence, at in found.filter(kind=LOST_PARTITION.name).values_list("evidence", "seen_at"):
        for code, day in map(str.split, evidence.get("damaged", ())):
            keys[code, date.fromisoformat(day)] = at
    return keys


def stale_keys(options: Options) -> dict[Key, str]:
    """Return the stale keys with their reasons: changed SQL, or changed Phase 3 rows."""
    newest = Run.objects.deciding(options.start, options.end)
    codes, days = options.processors, set(options.days)
    return stale(run for key, run in newest.items() if key[0] in codes and key[1] in days)


def stale(runs: Iterable[Run]) -> dict[Key, str]:
    """Return the stale keys of the complete runs among these, with their reasons."""
    complete = {(r.processor, r.date): r for r in runs if r.status == Run.Status.COMPLETE}
    changed = {
        key: change.reason for key, change in input_signatures.changes(complete.values()).items()
    }
    return changed | {
        key: OUTDATED for key, run in complete.items() if run.sql_hash != sql_hash(key[0])
    }


def lost(newest: Mapping[Key, Run]) -> set[Key]:
    """Return the complete keys whose partition is missing, or damaged for a run that read it."""
    written = written_dates(PROCESSORS, {day for _, day in newest})
    missing = {
        (code, day)
        for (code, day), run in newest.items()
        if run.status in SUCCEEDED and day not in written[code]
    }
    return missing | unread(newest)


def unread(newest: Mapping[Key, Run]) -> set[Key]:
    """Return the keys whose files one of these runs could not read."""
    return {
        key for run in newest.values() if run.error == CORRUPT and (key := damaged(run, newest))
    }


def damaged(run: Run, newest: Mapping[Key, Run]) -> Key | None:
    """Return the key whose file a run failed to read, None if a later run rewrote it."""
    if not (key := _unreadable(run.error_detail)):
        return None
    maker = newest.get(key)
    return key if maker and (maker.started_at or LONG_AGO) <= (run.started_at or LONG_AGO) else None


def _unreadable(detail: Mapping[str, Any]) -> Key | None:
    """Return the key of a Phase 4 partition; None for any other file."""
    table, name = detail.get("table"), detail.get("processor_name")
    makers = {str(p.output): p for p in PROCESSORS.values()}
    maker = PROCESSOR_BY_NAME.get(name or "") if table == str(FAILURES) else makers.get(table or "")
    return (maker.code, date.fromisoformat(detail["date"])) if maker else None
