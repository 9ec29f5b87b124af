"""A preflight as a JSON document."""

from __future__ import annotations

from collections import Counter
from typing import Any

from backfill.plan.options import Options
from validation.preflight_report import DateState, Item, Report


def report_document(report: Report) -> dict[str, Any]:
    """Return blockers, warnings and notes."""
    return {
        "ready": report.ready,
        **{
            name: [_item(item) for item in getattr(report, name)]
            for name in ("blocks", "warns", "tells")
        },
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "kind": item.kind, "sentence": item.sentence, "advice": item.advice,
        "dates": item.dates, "tables": item.tables, "numbers": dict(item.numbers),
    }  # fmt: skip


# The whole check


def check_document(options: Options, report: Report) -> dict[str, Any]:
    """Return the whole report: rows of each table by date, and the resulting items."""
    return {
        "start": options.start,
        "end": options.end,
        "mode": options.mode,
        "processors": options.processors,
        **report_document(report),
        "days": dict(Counter(state.day.type for state in report.dates)),
        "dates": [_date(state) for state in report.dates],
    }


def _date(state: DateState) -> dict[str, Any]:
    tables = {
        found.table: {"rows": found.rows, "expected": round(found.expected, 1), "low": found.is_low}
        for found in state.coverage
    }
    day = state.day
    return {
        "date": day.day,
        "type": day.type,
        "day": day.index,
        "games": day.games,
        "not_final": state.not_final,
        "tables": tables,
        "output": state.output,
    }
