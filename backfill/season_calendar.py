"""What the warehouse holds: the calendar, the seasons loaded, rows per table and date, partitions
written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from backfill.errors import Refused
from backfill.models import Run
from backfill.plan import input_signatures
from backfill.plan.options import Options
from backfill.plan.planning import OUTDATED, Key
from backfill.processors.registry import PROCESSORS
from backfill.processors.render import sql_hash
from backfill.statements import render
from backfill.warehouse import warehouse
from backfill.warehouse.season_cache import cached_for_all_seasons
from backfill.warehouse.tables import FAILURES, INPUTS, SCHED
from validation.preflight import seasons_missing
from validation.season import Calendar, Game

COUNTED = tuple(table for table in INPUTS if table is not SCHED)


def load_calendar() -> Calendar:
    """The dates of every season that is loaded; the schedule is read again when a season of it has
    been loaded again.
    """

    def make() -> Calendar:
        rows = warehouse().query(render("calendar"))
        return Calendar(
            Game(r["game_date"], r["season_year"], r["game_status"], r["season_type"]) for r in rows
        )

    return cached_for_all_seasons("calendar", (SCHED,), make)


def season_name(year: int) -> str:
    """A season as people write it: 2021-22."""
    return f"{year}-{(year + 1) % 100:02}"


def missing_seasons(options: Options) -> list[int]:
    """The seasons that the range needs and that are not loaded."""
    loaded = warehouse().seasons(SCHED)
    return [year for year in options.seasons if year not in loaded]


def check_loaded(options: Options) -> None:
    """Raise Refused when the range needs a season that is not loaded."""
    if missing := missing_seasons(options):
        item = seasons_missing([season_name(year) for year in missing])
        raise Refused(f"{item.sentence}: {item.advice}")


def source_rows(start: date, end: date) -> dict[tuple[str, date], int]:
    """Rows per (Phase 3 table, date), each player or team counted once."""
    rows = warehouse().query(render("input-rows", inputs=COUNTED), {"start": start, "end": end})
    return {(row["name"], row["game_date"]): row["n"] for row in rows}


def written_dates(codes: Iterable[str], among: Collection[date]) -> dict[str, set[date]]:
    """Those of these dates of which a processor's output and failures are both there."""
    found = (PROCESSORS[code] for code in codes)
    look = warehouse().partitions
    return {p.code: look(FAILURES, p.name, look(p.output, "", among)) for p in found}


def stale_keys(options: Options) -> dict[Key, str]:
    """The (processor, date) that are complete and would be made otherwise now, each with the
    reason.

    What another statement made than the present one, or what was made from other rows of Phase 3.
    """
    newest = Run.objects.deciding(options.start, options.end)
    asked, days = options.processors, set(options.days)
    complete = {
        key: r
        for key, r in newest.items()
        if r.status == Run.Status.COMPLETE and key[0] in asked and key[1] in days
    }
    changed = {
        key: change.reason for key, change in input_signatures.changes(complete.values()).items()
    }
    return changed | {
        key: OUTDATED for key, run in complete.items() if run.sql_hash != sql_hash(key[0])
    }


def done_keys(options: Options) -> set[Key]:
    """The (processor, date) that need no run: complete by the database, and both slices there in
    the warehouse.
    """
    recorded, there = (
        Run.objects.done(options.start, options.end),
        written_dates(options.processors, options.days),
    )
    return {(code, day) for code, day in recorded if day in there.get(code, ())}
