"""What a plan would be charged for by a warehouse that charges: asked once per processor and
season, times the batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.conf import settings

from backfill.plan.planning import Plan, PlannedAction, PlannedRun
from backfill.processors.render import accounted, render
from backfill.season_calendar import load_calendar
from backfill.warehouse import warehouse
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import INPUTS
from validation.season import season_year

# After its SELECT a step writes failures, output and history.
WRITES = 3
TIB = 2**40


def bytes_of(plan: Plan) -> int | None:
    """The bytes that a plan would be charged for; None where nothing is. Raises WarehouseError."""
    steps: dict[tuple[str, int], dict[int, list[PlannedRun]]] = {}
    for run in plan.runs:
        if run.action is PlannedAction.RUN:
            steps.setdefault((run.processor, season_year(run.date)), {}).setdefault(
                run.batch, []
            ).append(run)
    total = 0
    for (code, year), batches in steps.items():
        largest = max(batches.values(), key=list.__len__)
        if (read := _bytes_of_step(code, year, largest, plan)) is None:
            return None
        total += read * len(batches)
    return total if steps else None


def _bytes_of_step(code: str, year: int, runs: Sequence[PlannedRun], plan: Plan) -> int | None:
    """Of one batch: a season's inputs are read whatever its dates."""
    start = load_calendar().starts.get(year)
    dates = sorted(run.date for run in runs)
    mode = plan.options.backfill_mode
    params = {
        "dates": dates,
        "season_start": start or dates[0],
        "started_at": datetime.now(UTC),
        "backfill_mode": mode,
        "run_ids": [""],
    }
    text = accounted(code, render(code), render(code, "population"))
    return cached_for_season(
        f"bytes of {code}, {mode}",
        year,
        INPUTS,
        lambda: warehouse().bytes_read(text, params, writes=WRITES),
    )


def cost_text(read: int) -> str:
    """What reading so many bytes costs, in words."""
    return f"about ${read / TIB * settings.BIGQUERY_PRICE_PER_TIB:,.2f}, at ${settings.BIGQUERY_PRICE_PER_TIB:g} per TiB"
