"""The query behind each Finding, as it can be run in the warehouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from backfill.drilling.asking import literal
from backfill.groups import Group
from backfill.processors import PROCESSORS
from backfill.processors.statement import impossible, inlined
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import BY_REF, FAILURES, HISTORY, INPUTS, ML, PGS, SCHED, TOGS, UPGC
from validation import findings
from validation.categories import PROCESSING_ERROR
from validation.columns import FEATURES
from validation.findings import Finding

MOST_DATES = 60
SHORT = {table.short: table for table in INPUTS}
# The sources whose impossible values fail each processor's entities.
EXAMINED = {"TDZA": ("TDGS",), "PSZA": ("PGS",), "PCF": ("UPGC",), "PDC": ("UPGC", "PGS", "TOGS"), "ML": ("UPGC", "PGS")}
# By way of text, because the column may be of any type; what is no number is not zero.
AS_NUMBER = "IFNULL(SAFE_CAST(CAST({} AS STRING) AS FLOAT64), 1)"


def query(finding: Finding, season_start: date) -> str:
    """GoogleSQL without parameters, which shows what the Finding says."""
    if finding.kind is findings.BUG:
        return inlined(finding.processors[0], finding.dates[0], season_start)
    return QUERIES.get(finding.kind, _failures)(finding)


def of_group(group: Group, season_start: date) -> str:
    """What shows an error group again: the source rows that fail its entities, or the statement that broke, on its first date."""
    if group.what == PROCESSING_ERROR.name and group.entities:
        return _suspects(group, season_start)
    return inlined(group.processor, group.dates[0], season_start)


def _suspects(group: Group, season_start: date) -> str:
    """The impossible rows of Phase 3 that a group's first date reads, with what is wrong in each."""
    sources = [SHORT[short] for short in EXAMINED[group.processor]]
    selects = (_impossible_rows(table, group, season_start) for table in sources)
    return "\nUNION ALL\n".join(selects) + "\nORDER BY game_date DESC, entity"


def _impossible_rows(table: Table, group: Group, season_start: date) -> str:
    day, is_context = group.dates[0], table is UPGC
    dates = f"game_date = DATE '{day}'" if is_context else f"game_date >= DATE '{season_start}' AND game_date < DATE '{day}'"
    entities = f"{table.entity} IN ({_quoted(group.entities)})"
    if table is TOGS:  # of the players' teams
        entities = (
            f"{table.entity} IN (SELECT team_abbr FROM {UPGC} WHERE game_date = DATE '{day}'"
            f" AND {UPGC.entity} IN ({_quoted(group.entities)}))"
        )
    return (
        f"SELECT '{table}' AS name, {table.entity} AS entity, game_date, game_id, {impossible(table.short)} AS reason\n"
        f"FROM {table} WHERE {entities} AND {dates} AND {impossible(table.short)} IS NOT NULL"
    )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(literal(name) for name in names)


def _impossible(finding: Finding) -> str:
    """The rows of Phase 3 to correct; where none is known, the failures."""
    rows: Any = finding.evidence.get("rows", [])
    if not rows:
        return _failures(finding)
    table = SHORT[rows[0]["table"]]
    keys = "\n   OR ".join(_is_row(table, row) for row in rows if row["table"] == table.short)
    return f"SELECT * FROM {table} WHERE {keys}"


def _is_row(table: Table, row: Mapping[str, str]) -> str:
    return f"{table.entity} = {literal(row['entity'])} AND game_date = DATE '{row['date']}'"


def _in(column: str, dates: Sequence[date]) -> str:
    """The condition on a date column; many dates as the range that holds them."""
    if len(dates) > MOST_DATES:
        return f"{column} BETWEEN DATE '{dates[0]}' AND DATE '{dates[-1]}'"
    listed = ", ".join(f"DATE '{day}'" for day in dates)
    return f"{column} IN ({listed})"


def _names(finding: Finding) -> str:
    return ", ".join(f"'{PROCESSORS[code].name}'" for code in finding.processors or PROCESSORS)


def _failures(finding: Finding) -> str:
    """What was logged, by reason."""
    return f"""SELECT analysis_date, processor_name, failure_category, failure_reason, COUNT(*) AS entities
FROM {FAILURES}
WHERE {_in("analysis_date", finding.dates)}
  AND processor_name IN ({_names(finding)})
GROUP BY analysis_date, processor_name, failure_category, failure_reason
ORDER BY analysis_date, processor_name, entities DESC"""


def _history(finding: Finding) -> str:
    """How the runs ended and what they took."""
    return f"""SELECT data_date, processor_name, status, records_created, records_failed, duration_seconds, started_at, error
FROM {HISTORY}
WHERE {_in("data_date", finding.dates)}
  AND processor_name IN ({_names(finding)})
ORDER BY data_date, processor_name, started_at"""


def _coverage(finding: Finding) -> str:
    """Rows of every Phase 3 table beside the games."""
    tables = [table for table in INPUTS if table is not SCHED]
    counts = "\nUNION ALL\n".join(
        f"SELECT game_date, '{t}' AS name, COUNT(*) AS n FROM {t} WHERE {_in('game_date', finding.dates)} GROUP BY game_date"
        for t in [SCHED, *tables]
    )
    return f"{counts}\nORDER BY game_date, name"


def _keys(finding: Finding) -> str:
    """Keys that stand more than once, in an output or in a Phase 3 table."""
    tables: list[Table] = [PROCESSORS[code].output for code in finding.processors]
    given: Any = finding.evidence.get("tables", [])
    tables = tables or [BY_REF[name] for name in given] or [PGS]
    return "\nUNION ALL\n".join(
        f"SELECT '{t}' AS name, {t.partition} AS d, {', '.join(f'CAST({k} AS STRING)' for k in t.key)}, COUNT(*) AS n"
        f" FROM {t} WHERE {_in(t.partition, finding.dates)} GROUP BY d, {', '.join(t.key)} HAVING COUNT(*) > 1"
        for t in tables
    )


def _outputs(finding: Finding) -> str:
    """What was written, and when."""
    return "\nUNION ALL\n".join(
        f"SELECT '{code}' AS processor, {t.partition} AS d, COUNT(*) AS n, MAX(processed_at) AS written_at"
        f" FROM {t} WHERE {_in(t.partition, finding.dates)} GROUP BY d"
        for code in finding.processors or PROCESSORS
        for t in [PROCESSORS[code].output]
    )


def _columns(finding: Finding) -> str:
    """The columns' shares of NULL and of zero on each date."""
    columns: Any = finding.evidence.get("columns", [])
    table = _table(str(finding.evidence.get("table", "")))
    read = _read(table)
    shares = ", ".join(
        f"COUNTIF({read[n]} IS NULL) AS {n}_null, COUNTIF({AS_NUMBER.format(read[n])} = 0) AS {n}_zero" for n in columns
    )
    return f"""SELECT {table.partition} AS d, COUNT(*) AS n{", " + shares if shares else ""}
FROM {table}
WHERE {table.partition} BETWEEN DATE_SUB(DATE '{finding.dates[0]}', INTERVAL 14 DAY) AND DATE '{finding.dates[-1]}'
GROUP BY d
ORDER BY d"""


def _read(table: Table) -> dict[str, str]:
    """How each column is read, and each element of ML's vector."""
    vector = {name: f"features[SAFE_OFFSET({n})]" for n, name in enumerate(FEATURES)} if table is ML else {}
    return vector | {name: name for name in table.names}


def _table(name: str) -> Table:
    if name in PROCESSORS:
        return PROCESSORS[name].output
    return next((t for t in INPUTS if name in (t.short, str(t))), PGS)


QUERIES: dict[findings.Kind, Callable[[Finding], str]] = {
    findings.IMPOSSIBLE_VALUE: _impossible,
    findings.PHASE3_MISSING: _coverage,
    findings.LOW_COVERAGE: _coverage,
    findings.ODD_DATE: _coverage,
    findings.DUPLICATE_INPUT: _keys,
    findings.DUPLICATE_OUTPUT: _keys,
    findings.COLUMN_JUMP: _columns,
    findings.RUN_FAILED: _history,
    findings.STILL_BLOCKED: _history,
    findings.SLOW: _history,
    findings.OLD_SQL: _history,
    findings.HOLE: _history,
    findings.LOST_PARTITION: _outputs,
    findings.FORWARD_CASCADE: _outputs,
    findings.STALE_INPUT: _outputs,
    findings.WRONG_CONTENT: _outputs,
}
