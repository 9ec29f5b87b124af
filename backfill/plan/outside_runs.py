"""Runs outside a plan that its runs need, or that they make stale."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from backfill.models import Key, Run
from backfill.plan.planning import Plan, PlannedAction
from backfill.processors.registry import CHAIN, PROCESSORS
from validation.findings.kinds import format_date_ranges


def outside_notes(planned: Plan) -> list[str]:
    """Return a sentence about missing upstream runs, and one about downstream runs that become
    stale; none for a plan of whole dates.
    """
    options = planned.options
    running = {r.key for r in planned.runs if r.action is PlannedAction.RUN}
    if not running or (options.processors == tuple(CHAIN) and not options.cells):
        return []
    done = set(Run.objects.done(options.start, options.end))
    needed = {
        (before, day)
        for code, day in running
        for before in PROCESSORS[code].after
        if (before, day) not in done | running
    }
    stale: set[Key] = set()
    for code in CHAIN:  # a stale run makes the next ones stale
        stale |= {
            (code, day)
            for before in PROCESSORS[code].after
            for of, day in running | stale
            if of == before and (code, day) in done - running
        }
    texts = {
        "Upstream runs are not complete and not in this plan: {}. Add them first.": needed,
        "Complete downstream runs become stale: {}. Add them to rerun them.": stale,
    }
    return [text.format(_listed(keys)) for text, keys in texts.items() if keys]


def _listed(keys: Collection[Key]) -> str:
    """Return the processors, each with its dates."""
    days: dict[str, list[date]] = {code: [d for of, d in keys if of == code] for code in CHAIN}
    return "; ".join(
        f"{code} on {format_date_ranges(found)}" for code, found in days.items() if found
    )
