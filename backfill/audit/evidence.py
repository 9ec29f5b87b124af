"""The query behind each Finding, as it can be run in the warehouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from backfill.drilldown.query import literal
from backfill.processors.registry import PROCESSORS
from backfill.processors.render import inlined
from backfill.statements import render
from backfill.status.error_groups import ErrorGroup
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import BY_REF, INPUTS, ML, PGS, SCHED, UPGC
from validation.categories import PROCESSING_ERROR
from validation.columns import FEATURES
from validation.findings import kinds
from validation.findings.kinds import FindingDraft

MOST_DATES = 60
SHORT = {table.short: table for table in INPUTS}


def query(finding: FindingDraft, season_start: date) -> str:
    """GoogleSQL without parameters, which shows what the Finding says."""
    if finding.kind is kinds.BUG:
        return inlined(finding.processors[0], finding.dates[0], season_start)
    return QUERIES.get(finding.kind, _failures)(finding)


def of_group(group: ErrorGroup, season_start: date) -> str:
    """What shows an error group again: the source rows that fail its entities, or the statement
    that broke, on its first date.
    """
    if group.what == PROCESSING_ERROR.name and group.entities:
        return _suspects(group, season_start)
    return inlined(group.processor, group.dates[0], season_start)


def _suspects(group: ErrorGroup, season_start: date) -> str:
    """Impossible rows of Phase 3 that a group's first date reads, with what is wrong in each."""
    day = group.dates[0]
    before = f"game_date >= DATE '{season_start}' AND game_date < DATE '{day}'"
    sources = tuple(
        (table, f"game_date = DATE '{day}'" if table is UPGC else before)
        for table in PROCESSORS[group.processor].examined
    )
    return render("evidence-suspects", sources=sources, names=_quoted(group.entities), day=day)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(literal(name) for name in names)


def _impossible(finding: FindingDraft) -> str:
    """The rows of Phase 3 to correct; where none is known, the failures."""
    rows: Any = finding.evidence.get("rows", [])
    if not rows:
        return _failures(finding)
    table = SHORT[rows[0]["table"]]
    keys = "\n   OR ".join(_is_row(table, row) for row in rows if row["table"] == table.short)
    return render("evidence-rows", table=table, condition=keys)


def _is_row(table: Table, row: Mapping[str, str]) -> str:
    return f"{table.entity} = {literal(row['entity'])} AND game_date = DATE '{row['date']}'"


def _in(column: str, dates: Sequence[date]) -> str:
    """The condition on a date column; many dates as the range that holds them."""
    if len(dates) > MOST_DATES:
        return f"{column} BETWEEN DATE '{dates[0]}' AND DATE '{dates[-1]}'"
    listed = ", ".join(f"DATE '{day}'" for day in dates)
    return f"{column} IN ({listed})"


def _names(finding: FindingDraft) -> str:
    return ", ".join(f"'{PROCESSORS[code].name}'" for code in finding.processors or PROCESSORS)


def _failures(finding: FindingDraft) -> str:
    """What was logged, by reason."""
    on_dates = _in("analysis_date", finding.dates)
    return render("evidence-failures", on_dates=on_dates, names=_names(finding))


def _history(finding: FindingDraft) -> str:
    """How the runs ended and what they took."""
    on_dates = _in("data_date", finding.dates)
    return render("evidence-runs", on_dates=on_dates, names=_names(finding))


def _coverage(finding: FindingDraft) -> str:
    """Rows of every Phase 3 table beside the games."""
    tables = (SCHED, *(table for table in INPUTS if table is not SCHED))
    return render("evidence-coverage", inputs=tables, on_dates=_in("game_date", finding.dates))


def _keys(finding: FindingDraft) -> str:
    """Keys that stand more than once, in an output or in a Phase 3 table."""
    tables: list[Table] = [PROCESSORS[code].output for code in finding.processors]
    given: Any = finding.evidence.get("tables", [])
    tables = tables or [BY_REF[name] for name in given] or [PGS]
    conditions = tuple((table, _in(table.partition, finding.dates)) for table in tables)
    return render("evidence-keys", conditions=conditions)


def _outputs(finding: FindingDraft) -> str:
    """What was written, and when."""
    processors = [PROCESSORS[code] for code in finding.processors or PROCESSORS]
    conditions = tuple((p, _in(p.output.partition, finding.dates)) for p in processors)
    return render("evidence-outputs", conditions=conditions)


def _columns(finding: FindingDraft) -> str:
    """The columns' shares of NULL and of zero on each date."""
    names: Any = finding.evidence.get("columns", [])
    table = _table(str(finding.evidence.get("table", "")))
    read = _read(table)
    columns = tuple((name, read[name]) for name in names)
    first, last = finding.dates[0], finding.dates[-1]
    return render("evidence-columns", table=table, columns=columns, first=first, last=last)


def _read(table: Table) -> dict[str, str]:
    """How each column is read, and each element of ML's vector."""
    vector = (
        {name: f"features[SAFE_OFFSET({n})]" for n, name in enumerate(FEATURES)}
        if table is ML
        else {}
    )
    return vector | {name: name for name in table.names}


def _table(name: str) -> Table:
    if name in PROCESSORS:
        return PROCESSORS[name].output
    return next((t for t in INPUTS if name in (t.short, str(t))), PGS)


QUERIES: dict[kinds.FindingKind, Callable[[FindingDraft], str]] = {
    kinds.IMPOSSIBLE_VALUE: _impossible,
    kinds.PHASE3_MISSING: _coverage,
    kinds.LOW_COVERAGE: _coverage,
    kinds.ODD_DATE: _coverage,
    kinds.DUPLICATE_INPUT: _keys,
    kinds.DUPLICATE_OUTPUT: _keys,
    kinds.COLUMN_JUMP: _columns,
    kinds.RUN_FAILED: _history,
    kinds.STILL_BLOCKED: _history,
    kinds.SLOW: _history,
    kinds.OLD_SQL: _history,
    kinds.HOLE: _history,
    kinds.LOST_PARTITION: _outputs,
    kinds.FORWARD_CASCADE: _outputs,
    kinds.STALE_INPUT: _outputs,
    kinds.WRONG_CONTENT: _outputs,
}
