"""What a preflight found, as a document and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from backfill.cli.tables import table
from backfill.plan import preflight
from backfill.plan.options import Options
from backfill.warehouse.tables import INPUTS, SCHED
from validation.preflight_report import DateState, Item, Report
from validation.season import DateType, Day

LIMIT = 20
SHORT = {str(source): source.short for source in INPUTS if source is not SCHED}


def report_document(report: Report) -> dict[str, Any]:
    """What blocks, what warns and what is only told."""
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


def blocking_lines(items: Sequence[Item]) -> list[str]:
    """What blocks a start, a line each."""
    return _lines("BLOCKS", items)


def warning_lines(report: Report | None, options: Options) -> list[str]:
    """How many warnings a start was told of, and where they are listed; nothing where there was
    none.
    """
    if not (report and report.warns):
        return []
    n = len(report.warns)
    return [
        f"preflight: {n} warning{'s' * (n > 1)}; `{preflight.command(options)}` lists {'them' if n > 1 else 'it'}"
    ]


def _lines(word: str, items: Sequence[Item]) -> list[str]:
    more = [f"and {len(items) - LIMIT} more; --json lists them all"] if len(items) > LIMIT else []
    return [*(f"{word}: {item}" for item in items[:LIMIT]), *more]


def days_text(options: Options, days: Sequence[Day]) -> str:
    """How many dates a range has, and of which types."""
    types = Counter(day.type for day in days)
    games = len(days) - types[DateType.NO_GAMES]
    counted = ", ".join(f"{n} {kind}" for kind, n in types.items())
    between = f"{options.span}, {options.mode} mode"
    return f"{between}: {len(days)} days, {games} with games ({counted})" if days else between


# The check by itself


def check_document(options: Options, report: Report) -> dict[str, Any]:
    """The whole report: each date with the rows of its tables, and what follows from them."""
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


def check_text(options: Options, report: Report) -> str:
    """The whole report for a person: a line per date, then what blocks, what warns and what had
    better be known.
    """
    in_season = [state for state in report.dates if state.day.index is not None]
    parts = [
        days_text(options, [state.day for state in report.dates]),
        *([table([_row(state) for state in in_season])] if in_season else []),
        *blocking_lines(report.blocks),
        *_lines("warning", report.warns),
        *map(str, report.tells),
        _verdict(report),
    ]
    return "\n".join(parts)


def _row(state: DateState) -> dict[str, Any]:
    day, found = state.day, {c.table: f"{c.rows}/{c.expected:.0f}" for c in state.coverage}
    return {
        "date": str(day.day),
        "type": str(day.type),
        "games": day.games,
        **{short: found.get(source, "-") for source, short in SHORT.items()},
        "output": " ".join(state.output) or "-",
        "not final": f"{state.not_final} games not final" if state.not_final else "",
    }


def _verdict(report: Report) -> str:
    counted = [
        f"{len(items)} {word}"
        for items, word in ((report.blocks, "block"), (report.warns, "warn"))
        if items
    ]
    return ", ".join(["ready" if report.ready else "not ready", *counted])
