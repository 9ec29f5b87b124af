"""Statements sent to BigQuery, made from the schema alone: no client and no values, so that tests
can analyze them.

Callers of the port write GoogleSQL. It is narrowed to the partitions that its parameters allow,
which BigQuery does not derive behind a join, and its staged tables get their full names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from backfill.statements import render
from backfill.warehouse.port import Slice, Version
from backfill.warehouse.schema import SLICE, Table
from backfill.warehouse.tables import BY_REF, OUTPUTS

# First and last date.
SeasonBounds = tuple[date, date]
# Dataset of staged rows, whose tables expire.
SCRATCH = "backcourt_scratch"
SCRATCH_HOURS = 24
# Parameters of the adapter; no statement of a caller has them.
DATES, NAME, ROWS, RUN_IDS = "replaced_dates", "replaced_name", "added_rows", "added_run_ids"

REFERENCE = re.compile(
    r"\b(FROM|JOIN|MERGE|INTO)(\s+)`?([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)`?(?![\w.(])", re.IGNORECASE
)
# Tokens that can follow a table without an alias; any other token is its alias.
NO_ALIAS = re.compile(
    r"\s*(?:$|[),;]|(?:WHERE|JOIN|LEFT|RIGHT|FULL|INNER|CROSS|ON|USING|GROUP|ORDER|HAVING|QUALIFY|WINDOW|LIMIT|UNION|EXCEPT|INTERSECT)\b)",
    re.IGNORECASE,
)


# Writing


def staging(place: str, sql: str) -> str:
    """Return the statement that keeps a SELECT's rows in an expiring table; parameters as in `sql`."""
    return render("bigquery-staging", place=place, hours=SCRATCH_HOURS, query=sql.strip())


def replacing(table: Table, source: str) -> str:
    """Return the MERGE that replaces partitions with the rows of `source`, atomically; empty
    `source` empties them.

    Parameters: those of `source`, `replaced_dates` ARRAY<DATE>, and for a log table `replaced_name`
    STRING.
    """
    gone = f"t.{table.partition} IN UNNEST(@{DATES})"
    if table.kind == "log":
        gone += f" AND t.{SLICE} = @{NAME}"
    # Without a source it is a DELETE, which is free when it empties whole partitions.
    return (
        merge(table, source, gone)
        if source
        else render("bigquery-emptying", table=table, gone=gone)
    )


def adding(table: Table) -> str:
    """Return the MERGE that adds rows to a log; a row replaces an older one of its date and run_id.

    Parameters: `added_rows` ARRAY<STRUCT> of the table's columns, `added_run_ids` ARRAY<STRING>,
    `replaced_dates` ARRAY<DATE>.
    """
    gone = f"t.{table.partition} IN UNNEST(@{DATES}) AND t.run_id IN UNNEST(@{RUN_IDS})"
    return merge(table, render("bigquery-added-rows", table=table, rows=ROWS), gone)


def loading(dates: SeasonBounds, staged: Mapping[Table, str]) -> str:
    """Return the transaction that replaces a season of inputs with the rows of loaded tables."""
    merges = [
        merge(table, f"SELECT * FROM {place}", f"t.{within_season(table, dates)}").strip()
        for table, place in staged.items()
    ]
    return together(*merges)


def together(*statements: str) -> str:
    """Return one transaction of these statements; one statement needs none."""
    if len(statements) == 1:
        return statements[0]
    return render("bigquery-transaction", statements=statements)


def merge(table: Table, source: str, gone: str) -> str:
    """Insert the rows of `source` and delete those of the target `t` that match `gone`, in one
    atomic statement.

    ON FALSE matches nothing, so that only the partitions named in `gone` are read.
    """
    return render("bigquery-merge", table=table, source=source.strip(), gone=gone)


# Versions; `kept` and `writes` are tables with their prefix


@dataclass(frozen=True, kw_only=True)
class Note:
    """Write of slices on these dates: its fencing token, and the key of its work.

    Its values are literals, because statements of a transaction share one list of parameters.
    """

    slices: tuple[Slice, ...]
    dates: tuple[date, ...]
    token: int
    work: str


def version_copy(note: Note, one: Slice, kept: str, writes: str) -> str:
    """Return the statement that keeps the partitions of a slice under the tokens of their writers."""
    of = {"table": one[0], "slice": one[1], "slice_column": SLICE}
    places = {"kept": kept, "writes": writes}
    return render("bigquery-version-copy", **of, **places, dates=note.dates, work=note.work)


def version_note(note: Note, writes: str) -> str:
    """Return the statement that notes a write; it reads no table."""
    return render("bigquery-version-note", writes=writes, **vars(note))


def live_tokens(writes: str, slices: tuple[Slice, ...]) -> str:
    """Return the statement for name, slice, day and token of the live partitions on `dates`."""
    return render("bigquery-live-tokens", writes=writes, slices=slices, slice_column=SLICE)


def versions(table: Table, name: str, kept: str) -> str:
    """Return the statement for day, token and replaced_at of the versions on `dates`."""
    of = {"table": table, "slice": name, "slice_column": SLICE}
    return render("bigquery-versions", **of, kept=kept)


def version_rows(
    table: Table, name: str, kept: str, picks: tuple[tuple[date, Version], ...]
) -> str:
    """Return the statement for the rows of versions, and of the live partitions on `live_dates`."""
    entity = next(key for key in table.key if key not in (SLICE, table.partition))
    of = {"table": table, "slice": name, "slice_column": SLICE, "entity": entity}
    return render("bigquery-version-rows", **of, kept=kept, picks=picks)


def version_copies(kept: tuple[tuple[Table, str], ...]) -> str:
    """Return the statement for place, replaced_at, versions and rows of all copies."""
    return render("bigquery-version-copies", kept=kept, slice_column=SLICE)


def version_prune(kept: str) -> str:
    """Return the statement that deletes the copies up to the time `until`."""
    return render("bigquery-version-prune", kept=kept)


# Lookup


def listing() -> str:
    """Return the statement that lists partitions: table name, processor of a log's slice, date.

    A partition without rows does not exist in BigQuery; the run history has those written empty.
    """
    return render("bigquery-partitions", outputs=tuple(OUTPUTS))


def input_dates(table: Table) -> str:
    """Return the statement for the dates with rows in an input: one column, `d`."""
    return render("bigquery-dates", table=table)


def season_spans() -> str:
    """Return the statement for the scheduled dates of each season: `year`, `first` and `last`."""
    return render("season-dates")


def within_season(table: Table, dates: SeasonBounds) -> str:
    """Return the condition for an input's rows of a season, in literals, so that only its
    partitions are read.
    """
    return f"{table.partition} BETWEEN DATE '{dates[0]}' AND DATE '{dates[1]}'"


# Narrowing


def narrowed(
    sql: str,
    params: Collection[str] = (),
    *,
    staged: Mapping[str, str] | None = None,
    prefix: str = "",
    season: SeasonBounds | None = None,
) -> str:
    """Return a statement as sent: each table narrowed to what the parameters allow, staged names
    and datasets in full.

    Follows the port: bound to `dates` it reads these partitions of written tables, bound to `start`
    and `end` those between. Of the inputs it reads the dates of `season`, if given.
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
            _condition(table, params, season)
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


def _condition(table: Table, params: Collection[str], season: SeasonBounds | None) -> str:
    column = table.partition
    if table.kind == "input":
        return within_season(table, season) if season else ""
    found = [f"{column} IN UNNEST(@dates)"] if "dates" in params else []
    found += [f"{column} >= @start"] if "start" in params else []
    found += [f"{column} <= @end"] if "end" in params else []
    return " AND ".join(found)
