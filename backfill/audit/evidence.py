"""Evidence query of each finding, ready to run in the warehouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from backfill import input_checks
from backfill.errors import Refused
from backfill.models import Finding, Key, Run
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.processors.render import inlined
from backfill.season_calendar import source_rows
from backfill.statements import render
from backfill.statements.fragments import literal
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import BY_REF, INPUTS, PGS, SCHED
from validation.columns import FEATURES
from validation.findings import kinds
from validation.findings.kinds import FindingDraft
from validation.inputs.kinds import INPUT_KINDS
from validation.inputs.sides import STATEMENT

MOST_DATES = 60
SHORT = {table.short: table for table in INPUTS}
MOST_ROWS = 200


def query(finding: FindingDraft, season_start: date) -> str:
    """Return GoogleSQL without parameters that shows the evidence of a finding."""
    if finding.kind is kinds.BUG:
        return inlined(finding.processors[0], finding.dates[0], season_start)
    if finding.kind in INPUT_KINDS and finding.kind is not kinds.CONSTANT_COLUMN:
        return _contradiction(finding, season_start)
    return QUERIES.get(finding.kind, _failures)(finding)


def _impossible(finding: FindingDraft) -> str:
    """Select the Phase 3 rows to correct; the failures if no row is known."""
    rows: Any = finding.evidence.get("rows", [])
    if not rows:
        return _failures(finding)
    table = SHORT[rows[0]["table"]]
    keys = "\n   OR ".join(_is_row(table, row) for row in rows if row["table"] == table.short)
    return render("evidence-rows", table=table, condition=keys)


def _is_row(table: Table, row: Mapping[str, str]) -> str:
    return f"{table.entity} = {literal(row['entity'])} AND game_date = DATE '{row['date']}'"


def _in(column: str, dates: Sequence[date]) -> str:
    """Return the condition on a date column; many dates become a range."""
    if len(dates) > MOST_DATES:
        return f"{column} BETWEEN DATE '{dates[0]}' AND DATE '{dates[-1]}'"
    listed = ", ".join(f"DATE '{day}'" for day in dates)
    return f"{column} IN ({listed})"


def _names(finding: FindingDraft) -> str:
    return ", ".join(f"'{PROCESSORS[code].name}'" for code in finding.processors or PROCESSORS)


def _failures(finding: FindingDraft) -> str:
    """Select the logged failures by reason."""
    on_dates = _in("analysis_date", finding.dates)
    return render("evidence-failures", on_dates=on_dates, names=_names(finding))


def _history(finding: FindingDraft) -> str:
    """Select results and durations of the runs."""
    on_dates = _in("data_date", finding.dates)
    return render("evidence-runs", on_dates=on_dates, names=_names(finding))


def _coverage(finding: FindingDraft) -> str:
    """Select the rows of every Phase 3 table next to the games."""
    tables = (SCHED, *(table for table in INPUTS if table is not SCHED))
    return render("evidence-coverage", inputs=tables, on_dates=_in("game_date", finding.dates))


def _keys(finding: FindingDraft) -> str:
    """Select duplicate keys of an output or of a Phase 3 table."""
    tables: list[Table] = [PROCESSORS[code].output for code in finding.processors]
    given: Any = finding.evidence.get("tables", [])
    tables = tables or [BY_REF[name] for name in given] or [PGS]
    conditions = tuple((table, _in(table.partition, finding.dates)) for table in tables)
    return render("evidence-keys", conditions=conditions)


def _games(finding: FindingDraft) -> str:
    """Select the rows of the schedule about some games."""
    games: Any = finding.evidence.get("games", [])
    return render("evidence-games", games=", ".join(map(literal, games)) or "''")


def _outputs(finding: FindingDraft) -> str:
    """Select the written rows with their times."""
    processors = [PROCESSORS[code] for code in finding.processors or PROCESSORS]
    conditions = tuple((p, _in(p.output.partition, finding.dates)) for p in processors)
    return render("evidence-outputs", conditions=conditions)


def _columns(finding: FindingDraft) -> str:
    """Select the columns' shares of NULL and of zero on each date."""
    names: Any = finding.evidence.get("columns", [])
    table = _table(str(finding.evidence.get("table", "")))
    read = _read(table)
    columns = tuple((name, read[name]) for name in names)
    first, last = finding.dates[0], finding.dates[-1]
    return render("evidence-columns", table=table, columns=columns, first=first, last=last)


def _contradiction(finding: FindingDraft, season_start: date) -> str:
    """Select the rows of Phase 3 tables that contradict each other."""
    only: Any = finding.evidence.get("only", {})
    statement = str(finding.evidence.get("statement", STATEMENT))
    return input_checks.query(statement, only, season_start)


def _read(table: Table) -> dict[str, str]:
    """Return the expression of each column, and of each element of a vector."""
    vector = (
        {name: f"features[SAFE_OFFSET({n})]" for n, name in enumerate(FEATURES)}
        if "features" in table.by_name
        else {}
    )
    return vector | {name: name for name in table.names}


def _table(name: str) -> Table:
    if name in PROCESSORS:
        return PROCESSORS[name].output
    return next((t for t in INPUTS if name in (t.short, str(t))), PGS)


QUERIES: dict[kinds.FindingKind, Callable[[FindingDraft], str]] = {
    kinds.IMPOSSIBLE_VALUE: _impossible,
    kinds.UNFINISHED_LOAD: _coverage,
    kinds.PHASE3_MISSING: _coverage,
    kinds.LOW_COVERAGE: _coverage,
    kinds.ODD_DATE: _coverage,
    kinds.POSTPONED: _games,
    kinds.DUPLICATE_INPUT: _keys,
    kinds.DUPLICATE_OUTPUT: _keys,
    kinds.COLUMN_JUMP: _columns,
    kinds.CONSTANT_COLUMN: _columns,
    kinds.RUN_FAILED: _history,
    kinds.STILL_BLOCKED: _history,
    kinds.SLOW: _history,
    kinds.OLD_SQL: _history,
    kinds.HOLE: _history,
    kinds.LOST_PARTITION: _outputs,
    kinds.NO_LONGER_PLANNED: _outputs,
    kinds.FORWARD_CASCADE: _outputs,
    kinds.STALE_INPUT: _outputs,
    kinds.WRONG_CONTENT: _outputs,
}


@dataclass(frozen=True)
class Evidence:
    """First rows of a query; `is_cut` if it has more."""

    rows: list[Row]
    is_cut: bool

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return list(self.rows[0]) if self.rows else []


def evidence_of(finding: Finding) -> Evidence:
    """Run the query of a finding. Raises Refused if it has none, WarehouseError if it can no
    longer run.
    """
    if not finding.query.strip():
        raise Refused(f"finding {finding.pk} has no evidence query")
    # Appended, not wrapped: the order of a subquery is not kept.
    rows = warehouse().query(f"{finding.query}\nLIMIT {MOST_ROWS + 1}")
    return Evidence(rows[:MOST_ROWS], len(rows) > MOST_ROWS)


def is_missing(finding: Finding) -> bool:
    """True if a table of the finding still has an empty date. Raises WarehouseError."""
    rows, names = source_rows(finding.first, finding.last), finding.evidence.get("tables", [])
    return any(
        not rows.get((name, date.fromisoformat(day))) for name in names for day in finding.dates
    )


def runs_of(finding: Finding) -> dict[Key, Run]:
    """Return the latest decisive run of each (processor, date) of a finding; of all processors if
    it names none.
    """
    dates, codes = set(finding.dates), finding.processors or CHAIN
    found = Run.objects.filter(processor__in=codes).newest_decisive(finding.first, finding.last)
    runs = found.order_by("date", "pk").only(
        "job_id", "processor", "date", "status", "error", "failures"
    )
    return {(run.processor, run.date): run for run in runs if str(run.date) in dates}
