"""Contradictions between tables that are being loaded, found with the queries of the audit before
the warehouse changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import duckdb

from backfill import input_checks
from backfill.audit import evidence
from backfill.audit.load import read
from backfill.errors import Refused
from backfill.season_calendar import calendar_of
from backfill.statements import render
from backfill.warehouse.dialect import DUCKDB_MACROS
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS
from backfill.warehouse.translation_cache import to_duckdb
from validation.findings.inputs import inputs
from validation.findings.kinds import FindingDraft, Severity, sort_by_severity
from validation.findings.mismatches import AuditedSeason
from validation.inputs.cost import SeasonCosts


def check_reading(
    db: duckdb.DuckDBPyConnection, seasons: Mapping[int, str], *, strict: bool = False
) -> tuple[FindingDraft, ...]:
    """Return the contradictions between the session's tables, named as their short names.

    `seasons` has the condition of each season's rows. Raises Refused with one line per problem or
    warning if `strict`.
    """
    found = [
        finding
        for year, condition in seasons.items()
        for finding in check_tables(
            db, year, {table: f"temp.{table.short} WHERE {condition}" for table in INPUTS}
        )
    ]
    above_notes = [line(finding) for finding in found if finding.weight > Severity.NOTE]
    if strict and above_notes:
        raise Refused("\n".join(above_notes))
    return tuple(found)


def check_tables(
    db: duckdb.DuckDBPyConnection, year: int, tables: Mapping[Table, str]
) -> list[FindingDraft]:
    """Return the contradictions between the tables of one season, most severe first, each with its
    query. `tables` are the sources of their rows, as written after FROM.
    """
    db.execute(DUCKDB_MACROS)
    for table, source in tables.items():
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {table.dataset}")
        db.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT * FROM {source}")

    def ask(sql: str, params: Mapping[str, Any]) -> list[Row]:
        return _asked(db, sql, params)

    calendar = calendar_of(ask(render("calendar"), {}))
    start = calendar.starts.get(year)
    problems = input_checks.check(ask, start) if start else []
    if not start or not problems:
        return []
    dates = tuple(day.day for day in calendar.season(year) if day.is_computed)
    season = AuditedSeason(year=year, dates=dates or (start,))
    drafts = inputs(season, problems, SeasonCosts(read(ask, start), dates))
    return sort_by_severity(replace(d, query=evidence.query(d, start)) for d in drafts)


def _asked(db: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, Any]) -> list[Row]:
    """Run one GoogleSQL SELECT."""
    for name, value in params.items():
        db.execute(f'SET VARIABLE "{name}" = $1', [value])
    db.execute(to_duckdb(sql).sql)
    names = [column[0] for column in db.description or ()]
    return [dict(zip(names, values, strict=True)) for values in db.fetchall()]


def line(finding: FindingDraft) -> str:
    """Return a finding as one line of a load's report."""
    return f"{finding.weight}: {finding.kind.name}: {finding.sentence}"


def documents(findings: Iterable[FindingDraft]) -> list[dict[str, Any]]:
    """Return the findings of a load as JSON documents."""
    return [
        {
            "kind": f.kind.name,
            "severity": str(f.weight),
            "season": f.season,
            "dates": list(f.dates),
            "sentence": f.sentence,
            "cause": f.cause or f.kind.cause,
            "advice": f.kind.advice,
            "evidence": {"numbers": dict(f.numbers), "query": f.query},
        }
        for f in findings
    ]
