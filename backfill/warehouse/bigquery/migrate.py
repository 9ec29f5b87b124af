"""Migration of datasets and tables to their declarations: adds missing ones, deletes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from google.api_core.exceptions import NotFound
from google.cloud.bigquery import Client, Dataset, SchemaField, TimePartitioning
from google.cloud.bigquery import Table as Described

from backfill.warehouse.bigquery import kept
from backfill.warehouse.bigquery.connection import Place
from backfill.warehouse.bigquery.errors import api_errors
from backfill.warehouse.bigquery.location import PATIENT, dataset_names, existing_datasets
from backfill.warehouse.bigquery.sql import SCRATCH, SCRATCH_HOURS
from backfill.warehouse.schema import Column, Table
from backfill.warehouse.tables import TABLES

# "left" is harmless and stays unchanged; "wrong" needs an operator.
Kind = Literal["create", "add", "keep", "left", "wrong"]
NAMES = {"INTEGER": "INT64", "BOOLEAN": "BOOL", "FLOAT": "FLOAT64"}
MILLISECONDS_PER_HOUR = 3_600_000


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Difference from the declaration: dataset or table, action, and description."""

    kind: Kind
    name: str
    what: str
    column: str = ""


@dataclass(frozen=True, kw_only=True)
class ExistingTables:
    """Existing datasets by id and tables by reference; location of new datasets, None for
    BigQuery's default; days for which versions are kept.
    """

    datasets: dict[str, Dataset]
    tables: dict[str, Described]
    location: str | None
    keep_days: int = 0

    @property
    def declared(self) -> tuple[Table, ...]:
        """Tables that should exist."""
        return (*TABLES, *(kept.all_tables() if self.keep_days else ()))


def apply_differences(
    client: Client, place: Place, *, dry_run: bool, keep_days: int = 0
) -> list[Difference]:
    """Compare and apply the changes; return the differences, with `dry_run` without any change.

    Versions are kept for `keep_days`; with 0, they have no tables.
    """
    found = look(client, place, keep_days)
    pending = differences(place, found)
    if dry_run:
        return pending
    fix_differences(client, place, found, pending)
    # A dataset can have a default expiry for new tables.
    found = look(client, place, keep_days)
    again = [
        one
        for one in differences(place, found)
        if one.kind in ("add", "keep") and one not in pending
    ]
    fix_differences(client, place, found, again)
    return [*pending, *again]


def look(client: Client, place: Place, keep_days: int) -> ExistingTables:
    """Return every dataset and table. Raises WarehouseError."""
    datasets = existing_datasets(client, place)
    # Statements join across datasets, so all must be in one location.
    places = [place.location, *(dataset.location for dataset in datasets.values())]
    location = next(filter(None, places), None)
    found = ExistingTables(datasets=datasets, tables={}, location=location, keep_days=keep_days)
    with api_errors():
        for which in (name(place, table) for table in found.declared):
            with suppress(NotFound):
                found.tables[which] = client.get_table(f"{place.project}.{which}", retry=PATIENT)
    return found


def name(place: Place, table: Table) -> str:
    """Return a table's name in this place: `dataset.table`."""
    return f"{place.prefix}{table}"


def differences(place: Place, found: ExistingTables) -> list[Difference]:
    """Return the differences from the declaration, in the order in which they are applied."""
    return [
        *_of_datasets(place, found),
        *(d for table in found.declared for d in _of_table(name(place, table), table, found)),
    ]


def fix_differences(
    client: Client, place: Place, found: ExistingTables, todo: Sequence[Difference]
) -> None:
    """Create and change all that can be; idempotent. Raises WarehouseError."""
    tables = {name(place, table): table for table in found.declared}
    with api_errors():
        for one in todo:
            if one.kind == "create" and one.name in tables:
                made = declared(place, tables[one.name], found.keep_days)
                client.create_table(made, exists_ok=True, retry=PATIENT)
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
                kept.expires_after(tables[which], found.keep_days),
            )


def declared(place: Place, table: Table, keep_days: int = 0) -> Described:
    """Return a table as declared; only versions expire."""
    made = Described(
        f"{place.project}.{name(place, table)}", schema=list(map(_field, table.columns))
    )
    made.time_partitioning = TimePartitioning(
        field=table.partition, expiration_ms=_expiry(kept.expires_after(table, keep_days))
    )
    made.clustering_fields = list(table.cluster)
    return made


# Datasets


def _new_dataset(place: Place, name: str, location: str | None) -> Dataset:
    made = Dataset(f"{place.project}.{name}")
    if location:
        made.location = location
    if name.endswith(SCRATCH):
        made.default_table_expiration_ms = SCRATCH_HOURS * MILLISECONDS_PER_HOUR
    return made


def _of_datasets(place: Place, found: ExistingTables) -> Iterator[Difference]:
    where = f" in {found.location}" if found.location else ""
    for name in dataset_names(place):
        kept = (
            f", whose tables expire after {SCRATCH_HOURS} hours" if name.endswith(SCRATCH) else ""
        )
        if name not in found.datasets:
            yield Difference(kind="create", name=name, what=f"dataset{where}{kept}")
        elif (there := found.datasets[name].location) != found.location:
            yield Difference(
                kind="wrong",
                name=name,
                what=f"is in {there}, the others{where}: statements cannot join across locations; recreate it{where}",
            )


# Tables


def _change(
    client: Client, there: Described, added: Sequence[SchemaField], expires_after: int
) -> None:
    """Add columns and set or remove the expiry."""
    there.schema = [*there.schema, *added]
    if there.time_partitioning:
        there.time_partitioning = TimePartitioning(
            type_=there.time_partitioning.type_,
            field=there.time_partitioning.field,
            expiration_ms=_expiry(expires_after),
        )
    there.expires = None
    client.update_table(there, ["schema", "time_partitioning", "expires"], retry=PATIENT)


def _expiry(days: int) -> int | None:
    return days * 24 * MILLISECONDS_PER_HOUR or None


def _of_table(name: str, table: Table, found: ExistingTables) -> Iterator[Difference]:
    there, days = found.tables.get(name), kept.expires_after(table, found.keep_days)
    if there is None:
        cluster = ", ".join(table.cluster)
        expiry = f"partitions expire after {days} days" if days else "never expires"
        what = f"{len(table.columns)} columns, partitioned by {table.partition}, clustered by {cluster}, {expiry}"
        yield Difference(kind="create", name=name, what=what)
        return
    yield from _of_columns(name, table.columns, {field.name: field for field in there.schema})
    yield from _of_storage(name, table, there, days)


def _of_storage(name: str, table: Table, there: Described, days: int) -> Iterator[Difference]:
    partitioning = there.time_partitioning
    by = f"{partitioning.field} by {partitioning.type_}" if partitioning else "nothing"
    if by != f"{table.partition} by DAY":
        what = f"is partitioned by {by}, not by {table.partition} by DAY; copy it to a new table"
        yield Difference(kind="wrong", name=name, what=what)
    if tuple(there.clustering_fields or ()) != table.cluster:
        expected, is_now = (
            ",".join(table.cluster),
            ", ".join(there.clustering_fields or ()) or "nothing",
        )
        yield Difference(
            kind="wrong",
            name=name,
            what=f"is clustered by {is_now}; run `bq update --clustering_fields={expected} {name}`",
        )
    if there.require_partition_filter:
        how = f"ALTER TABLE {name} SET OPTIONS (require_partition_filter = FALSE)"
        yield Difference(
            kind="wrong",
            name=name,
            what=f"requires a partition filter; run `{how}`",
        )
    if there.expires:
        yield Difference(
            kind="keep",
            name=name,
            what=f"expires on {there.expires:%Y-%m-%d}; the expiry is removed",
        )
    if partitioning and partitioning.expiration_ms != _expiry(days):
        before = (partitioning.expiration_ms or 0) / MILLISECONDS_PER_HOUR / 24
        expire = f"partitions expire after {before:g} day{'s' * (before != 1)}"
        change = f"now after {days}" if days else "the expiry is removed"
        what = f"{expire if before else 'partitions never expire'}; {change}"
        yield Difference(kind="keep", name=name, what=what)


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
    expected = {column.name: _field(column) for column in columns}
    for column, field in expected.items():
        yield from (
            _missing(name, field) if column not in there else _of_column(name, field, there[column])
        )
    wider = [
        c
        for c, field in expected.items()
        if c in there and _type(there[c]) != _type(field) and _holds(there[c], field)
    ]
    if wider:
        yield Difference(
            kind="left",
            name=name,
            what=f"wider than declared, harmless: {', '.join(wider)}",
        )
    for column in there.keys() - expected.keys():
        if there[column].mode == "REQUIRED":
            what = f"has an unused column {column} that rejects NULL; run `ALTER TABLE {name} ALTER COLUMN {column} DROP NOT NULL`"
            yield Difference(kind="wrong", name=name, what=what)


def _missing(name: str, field: SchemaField) -> Iterator[Difference]:
    if field.mode == "REQUIRED":
        what = f"column {field.name} {_type(field)} NOT NULL is missing: add it and fill it in existing rows"
        yield Difference(kind="wrong", name=name, what=what)
    else:
        yield Difference(
            kind="add", name=name, what=f"column {field.name} {_type(field)}", column=field.name
        )


def _of_column(name: str, field: SchemaField, there: SchemaField) -> Iterator[Difference]:
    if not _holds(there, field):
        what = f"column {field.name} is {_type(there)}, not {_type(field)}; copy it to a new table"
        yield Difference(kind="wrong", name=name, what=what)
    elif there.mode == "REQUIRED" and field.mode == "NULLABLE":
        how = f"ALTER TABLE {name} ALTER COLUMN {field.name} DROP NOT NULL"
        yield Difference(
            kind="wrong",
            name=name,
            what=f"column {field.name} rejects NULL, which runs write; run `{how}`",
        )


def _type(field: SchemaField) -> str:
    """Return the GoogleSQL name of a type."""
    kind = NAMES.get(field.field_type, field.field_type) + (
        f"({field.precision},{field.scale})" if field.precision else ""
    )
    return f"ARRAY<{kind}>" if field.mode == "REPEATED" else kind


def _holds(there: SchemaField, field: SchemaField) -> bool:
    """Return True if every value of a declared column fits the existing one."""
    if NAMES.get(there.field_type, there.field_type) != field.field_type or (
        there.mode == "REPEATED"
    ) != (field.mode == "REPEATED"):
        return False
    if not there.precision or not field.precision:
        return True
    scales = there.scale or 0, field.scale or 0
    return scales[0] >= scales[1] and there.precision - scales[0] >= field.precision - scales[1]
