"""The datasets and tables that there must be, against those that there are: what is missing is
added, nothing is taken away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from google.api_core.exceptions import NotFound
from google.cloud.bigquery import Client, Dataset, SchemaField, TimePartitioning
from google.cloud.bigquery import Table as Described
from google.cloud.bigquery.retry import DEFAULT_RETRY

from backfill.warehouse.bigquery.connection import Place
from backfill.warehouse.bigquery.errors import api_errors
from backfill.warehouse.bigquery.jobs import PATIENCE_SECONDS
from backfill.warehouse.bigquery.sql import SCRATCH, SCRATCH_HOURS
from backfill.warehouse.schema import Column, Table
from backfill.warehouse.tables import TABLES

# "left" does no harm and stays as it is; "wrong" is for a person to mend.
Kind = Literal["create", "add", "keep", "left", "wrong"]
NAMES = {"INTEGER": "INT64", "BOOLEAN": "BOOL", "FLOAT": "FLOAT64"}
MILLISECONDS_PER_HOUR = 3_600_000
PATIENT = DEFAULT_RETRY.with_timeout(PATIENCE_SECONDS)


@dataclass(frozen=True)
class Difference:
    """One thing that is not as declared: of which dataset or table, what is to be done about it,
    and in words.
    """

    kind: Kind
    name: str
    what: str
    column: str = ""


@dataclass(frozen=True)
class ExistingTables:
    """What there is: datasets by id, tables by reference; and where datasets are made, None for
    where BigQuery likes.
    """

    datasets: dict[str, Dataset]
    tables: dict[str, Described]
    location: str | None


def apply_differences(client: Client, place: Place, *, dry_run: bool) -> list[Difference]:
    """Compare and mend what can be; returns what was, or with `dry_run` what would be, and what a
    person must mend.
    """
    found = look(client, place)
    told = differences(place, found)
    if dry_run:
        return told
    fix_differences(client, place, found, told)
    # A dataset may give its new tables an expiry of its own.
    found = look(client, place)
    again = [
        one for one in differences(place, found) if one.kind in ("add", "keep") and one not in told
    ]
    fix_differences(client, place, found, again)
    return [*told, *again]


def look(client: Client, place: Place) -> ExistingTables:
    """Ask for every dataset and table. Raises WarehouseError."""
    datasets: dict[str, Dataset] = {}
    tables: dict[str, Described] = {}
    with api_errors():
        for which in _dataset_names(place):
            with suppress(NotFound):
                datasets[which] = client.get_dataset(f"{place.project}.{which}", retry=PATIENT)
        for which in (name(place, table) for table in TABLES):
            with suppress(NotFound):
                tables[which] = client.get_table(f"{place.project}.{which}", retry=PATIENT)
    # Statements join them all, so that all must be in one place.
    places = [place.location, *(dataset.location for dataset in datasets.values())]
    return ExistingTables(datasets, tables, next(filter(None, places), None))


def name(place: Place, table: Table) -> str:
    """A table's name in this place: `dataset.table`."""
    return f"{place.prefix}{table}"


def differences(place: Place, found: ExistingTables) -> list[Difference]:
    """What is not as declared, in the order in which it is mended."""
    return [
        *_of_datasets(place, found),
        *(d for table in TABLES for d in _of_table(name(place, table), table, found)),
    ]


def fix_differences(
    client: Client, place: Place, found: ExistingTables, todo: Sequence[Difference]
) -> None:
    """Create, add and keep what can be; a second call does nothing. Raises WarehouseError."""
    tables = {name(place, table): table for table in TABLES}
    with api_errors():
        for one in todo:
            if one.kind == "create" and one.name in tables:
                client.create_table(
                    declared(place, tables[one.name]), exists_ok=True, retry=PATIENT
                )
            elif one.kind == "create":
                client.create_dataset(
                    _new_dataset(place, one.name, found.location), exists_ok=True, retry=PATIENT
                )
        for which in dict.fromkeys(one.name for one in todo if one.kind in ("add", "keep")):
            added = [one.column for one in todo if one.name == which and one.kind == "add"]
            _change(
                client,
                found.tables[which],
                [_field(tables[which].by_name[column]) for column in added],
            )


def declared(place: Place, table: Table) -> Described:
    """A table as it is to be created; no partition ever expires."""
    made = Described(
        f"{place.project}.{name(place, table)}", schema=list(map(_field, table.columns))
    )
    made.time_partitioning = TimePartitioning(field=table.partition)
    made.clustering_fields = list(table.cluster)
    return made


# Datasets


def _dataset_names(place: Place) -> list[str]:
    return [
        f"{place.prefix}{name}" for name in (*sorted({table.dataset for table in TABLES}), SCRATCH)
    ]


def _new_dataset(place: Place, name: str, location: str | None) -> Dataset:
    made = Dataset(f"{place.project}.{name}")
    if location:
        made.location = location
    if name.endswith(SCRATCH):
        made.default_table_expiration_ms = SCRATCH_HOURS * MILLISECONDS_PER_HOUR
    return made


def _of_datasets(place: Place, found: ExistingTables) -> Iterator[Difference]:
    where = f" in {found.location}" if found.location else ""
    for name in _dataset_names(place):
        kept = (
            f", whose tables expire after {SCRATCH_HOURS} hours" if name.endswith(SCRATCH) else ""
        )
        if name not in found.datasets:
            yield Difference("create", name, f"dataset{where}{kept}")
        elif (there := found.datasets[name].location) != found.location:
            yield Difference(
                "wrong",
                name,
                f"is in {there}, the others{where}: statements cannot join across; make it anew{where}",
            )


# Tables


def _change(client: Client, there: Described, added: Sequence[SchemaField]) -> None:
    """Add columns, and take every expiry away."""
    there.schema = [*there.schema, *added]
    if there.time_partitioning:
        there.time_partitioning = TimePartitioning(
            type_=there.time_partitioning.type_, field=there.time_partitioning.field
        )
    there.expires = None
    client.update_table(there, ["schema", "time_partitioning", "expires"], retry=PATIENT)


def _of_table(name: str, table: Table, found: ExistingTables) -> Iterator[Difference]:
    there = found.tables.get(name)
    if there is None:
        cluster = ", ".join(table.cluster)
        what = f"{len(table.columns)} columns, partitioned by {table.partition}, clustered by {cluster}, never expires"
        yield Difference("create", name, what)
        return
    yield from _of_columns(name, table.columns, {field.name: field for field in there.schema})
    yield from _of_storage(name, table, there)


def _of_storage(name: str, table: Table, there: Described) -> Iterator[Difference]:
    partitioning = there.time_partitioning
    by = f"{partitioning.field} by {partitioning.type_}" if partitioning else "nothing"
    if by != f"{table.partition} by DAY":
        what = f"is partitioned by {by}, not by {table.partition} by DAY; that takes a new table, copied from this one"
        yield Difference("wrong", name, what)
    if tuple(there.clustering_fields or ()) != table.cluster:
        wanted, is_now = (
            ",".join(table.cluster),
            ", ".join(there.clustering_fields or ()) or "nothing",
        )
        yield Difference(
            "wrong",
            name,
            f"is clustered by {is_now}; `bq update --clustering_fields={wanted} {name}` changes it",
        )
    if there.require_partition_filter:
        how = f"ALTER TABLE {name} SET OPTIONS (require_partition_filter = FALSE)"
        yield Difference(
            "wrong", name, f"takes only statements that filter by its partition; `{how}` ends that"
        )
    if there.expires:
        yield Difference(
            "keep", name, f"would be deleted on {there.expires:%Y-%m-%d}; that is taken away"
        )
    if partitioning and partitioning.expiration_ms:
        days = int(partitioning.expiration_ms) / MILLISECONDS_PER_HOUR / 24
        yield Difference(
            "keep", name, f"partitions would be deleted after {days:g} days; that is taken away"
        )


# Columns


def _field(column: Column) -> SchemaField:
    kind, *sizes = re.findall(r"\w+", column.type.removeprefix("ARRAY"))
    mode = (
        "REPEATED"
        if column.type.startswith("ARRAY")
        else "NULLABLE"
        if column.nullable
        else "REQUIRED"
    )
    sized = dict(zip(("precision", "scale"), sizes, strict=False))
    return SchemaField.from_api_repr(
        {"name": column.name, "type": kind, "mode": mode, "description": column.meaning, **sized}
    )


def _of_columns(
    name: str, columns: Iterable[Column], there: dict[str, SchemaField]
) -> Iterator[Difference]:
    wanted = {column.name: _field(column) for column in columns}
    for column, field in wanted.items():
        yield from (
            _missing(name, field) if column not in there else _of_column(name, field, there[column])
        )
    wider = [
        c
        for c, field in wanted.items()
        if c in there and _type(there[c]) != _type(field) and _holds(there[c], field)
    ]
    if wider:
        yield Difference(
            "left", name, f"of a wider type than declared, which does no harm: {', '.join(wider)}"
        )
    for column in there.keys() - wanted.keys():
        if there[column].mode == "REQUIRED":
            what = f"has a column {column} that nothing fills; `ALTER TABLE {name} ALTER COLUMN {column} DROP NOT NULL` lets it be"
            yield Difference("wrong", name, what)


def _missing(name: str, field: SchemaField) -> Iterator[Difference]:
    if field.mode == "REQUIRED":
        what = f"has no column {field.name} {_type(field)}, which is never NULL: add it, fill it for the rows that are there"
        yield Difference("wrong", name, what)
    else:
        yield Difference("add", name, f"column {field.name} {_type(field)}", field.name)


def _of_column(name: str, field: SchemaField, there: SchemaField) -> Iterator[Difference]:
    if not _holds(there, field):
        what = f"column {field.name} is {_type(there)}, not {_type(field)}; that takes a new table, copied from this one"
        yield Difference("wrong", name, what)
    elif there.mode == "REQUIRED" and field.mode == "NULLABLE":
        how = f"ALTER TABLE {name} ALTER COLUMN {field.name} DROP NOT NULL"
        yield Difference(
            "wrong",
            name,
            f"column {field.name} takes no NULL, which is written there; `{how}` changes that",
        )


def _type(field: SchemaField) -> str:
    """A type as GoogleSQL names it."""
    kind = NAMES.get(field.field_type, field.field_type) + (
        f"({field.precision},{field.scale})" if field.precision else ""
    )
    return f"ARRAY<{kind}>" if field.mode == "REPEATED" else kind


def _holds(there: SchemaField, field: SchemaField) -> bool:
    """Whether every value of a declared column fits the one that is there."""
    if NAMES.get(there.field_type, there.field_type) != field.field_type or (
        there.mode == "REPEATED"
    ) != (field.mode == "REPEATED"):
        return False
    if not there.precision or not field.precision:
        return True
    scales = there.scale or 0, field.scale or 0
    return scales[0] >= scales[1] and there.precision - scales[0] >= field.precision - scales[1]
