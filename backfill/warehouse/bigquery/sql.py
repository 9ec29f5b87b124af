"""The texts that BigQuery is sent, made from the schema alone: no client and no value, so that they
can be analysed.

What the port's users write is GoogleSQL already. It is narrowed to the partitions that its
parameters allow, which
BigQuery does not find by itself behind a join, and reads staged tables where they were put.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any

from backfill.statements import render
from backfill.warehouse.schema import SLICE, Table
from backfill.warehouse.tables import BY_REF, OUTPUTS
from validation.season import FIRST_MONTH, season_year

# Where staged rows are kept for the statements that read them. Its tables expire by themselves.
SCRATCH = "backcourt_scratch"
SCRATCH_HOURS = 24
# Parameters of the adapter's own, which no statement of the port's users has.
DATES, NAME, ROWS, RUN_IDS = "replaced_dates", "replaced_name", "added_rows", "added_run_ids"

REFERENCE = re.compile(
    r"\b(FROM|JOIN|MERGE|INTO)(\s+)`?([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)`?(?![\w.(])", re.IGNORECASE
)
# What may stand behind a table that has no alias; anything else is its alias.
NO_ALIAS = re.compile(
    r"\s*(?:$|[),;]|(?:WHERE|JOIN|LEFT|RIGHT|FULL|INNER|CROSS|ON|USING|GROUP|ORDER|HAVING|QUALIFY|WINDOW|LIMIT|UNION|EXCEPT|INTERSECT)\b)",
    re.IGNORECASE,
)


# Writing


def staging(place: str, sql: str) -> str:
    """The statement that keeps what a SELECT yields in a table that expires by itself; parameters
    as in `sql`.
    """
    return render("bigquery-staging", place=place, hours=SCRATCH_HOURS, query=sql.strip())


def replacing(table: Table, source: str) -> str:
    """The MERGE that replaces partitions by what `source` selects, all at once; by nothing where it
    is empty.

    Parameters: those of `source`, `replaced_dates` ARRAY<DATE>, and for a log table `replaced_name`
    STRING.
    """
    gone = f"t.{table.partition} IN UNNEST(@{DATES})"
    if table.kind == "log":
        gone += f" AND t.{SLICE} = @{NAME}"
    # Without a source it is a DELETE, which costs nothing where it empties whole partitions.
    return (
        merge(table, source, gone)
        if source
        else render("bigquery-emptying", table=table, gone=gone)
    )


def adding(table: Table) -> str:
    """The MERGE that adds rows to a log; one with the run_id of an older one of its date replaces
    it.

    Parameters: `added_rows` ARRAY<STRUCT> of the table's columns, `added_run_ids` ARRAY<STRING>,
    `replaced_dates`
    ARRAY<DATE>.
    """
    gone = f"t.{table.partition} IN UNNEST(@{DATES}) AND t.run_id IN UNNEST(@{RUN_IDS})"
    return merge(table, render("bigquery-added-rows", table=table, rows=ROWS), gone)


def loading(table: Table, year: int, staged: str) -> str:
    """The MERGE that replaces a season of an input by the rows of a table that a file was loaded
    into.
    """
    return merge(table, f"SELECT * FROM {staged}", f"t.{within_season(table, year)}")


def merge(table: Table, source: str, gone: str) -> str:
    """Insert all that `source` selects and delete what `gone` says of the target `t`, in one atomic
    statement.

    ON FALSE matches nothing, so that only the partitions that `gone` names are read.
    """
    return render("bigquery-merge", table=table, source=source.strip(), gone=gone)


# Looking


def listing() -> str:
    """Which partitions there are: name of the table, processor of a log's slice, date.

    A partition without rows does not exist in BigQuery; the run history tells which were written
    empty.
    """
    return render("bigquery-partitions", outputs=OUTPUTS)


def seasons(table: Table) -> str:
    """The seasons of which an input has rows: one column, `year`."""
    return render("bigquery-seasons", table=table)


def within_season(table: Table, year: int) -> str:
    """The condition that a row of an input belongs to a season, in literals, so that only its
    partitions are read.
    """
    first, last = date(year, FIRST_MONTH, 1), date(year + 1, FIRST_MONTH, 1) - timedelta(days=1)
    return f"{table.partition} BETWEEN DATE '{first}' AND DATE '{last}'"


# Narrowing


def narrowed(
    sql: str,
    params: Collection[str] | Mapping[str, Any] = (),
    *,
    staged: Mapping[str, str] | None = None,
    prefix: str = "",
) -> str:
    """A statement as it is sent: each table narrowed to what the parameters allow, staged names and
    datasets in full.

    It sees what the port promises: bound to `dates` these partitions of what is written here, bound
    to `start` and
    `end` those between, bound to `season_start` (with its value) that season of the inputs.
    """

    def stand_in(found: re.Match[str]) -> str:
        word, space, name = found[1], found[2], found[3]
        if staged and name in staged:
            alias = f" AS {name}" if NO_ALIAS.match(sql, found.end()) else ""
            return f"{word}{space}{staged[name]}{alias}"
        table = BY_REF.get(name)
        if table is None:
            return found[0]
        condition = (
            _condition(table, params)
            if word.upper() in ("FROM", "JOIN") and not _is_deleted(sql, found)
            else ""
        )
        text = (
            f"(SELECT * FROM {prefix}{name} WHERE {condition})" if condition else f"{prefix}{name}"
        )
        return f"{word}{space}{text}"

    return REFERENCE.sub(stand_in, sql)


def _is_deleted(sql: str, found: re.Match[str]) -> bool:
    return sql[: found.start()].rstrip().upper().endswith("DELETE")


def _condition(table: Table, params: Collection[str] | Mapping[str, Any]) -> str:
    column = table.partition
    if table.kind == "input":
        if isinstance(params, Mapping) and "season_start" in params:
            return within_season(table, season_year(params["season_start"]))
        return ""
    found = [f"{column} IN UNNEST(@dates)"] if "dates" in params else []
    found += [f"{column} >= @start"] if "start" in params else []
    found += [f"{column} <= @end"] if "end" in params else []
    return " AND ".join(found)
