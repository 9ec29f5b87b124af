"""Differences that `create_tables` finds in BigQuery's dataset and table metadata, offline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.bigquery import Dataset, SchemaField, TimePartitioning
from google.cloud.bigquery import Table as Described

from backfill.warehouse.bigquery.connection import Place
from backfill.warehouse.bigquery.kept import all_tables, kept, kept_tables
from backfill.warehouse.bigquery.migrate import ExistingTables, declared, differences
from backfill.warehouse.tables import FAILURES, TABLES, TDZA
from tests.backfill.shell import Shell

PLACE = Place("a-project")
KEEP_DAYS = 14
DATASETS = (*sorted({table.dataset for table in TABLES}), "backcourt_scratch", "backcourt_versions")


def dataset(name: str, location: str = "US") -> Dataset:
    made = Dataset(f"{PLACE.project}.{name}")
    made.location = location
    return made


def found(**datasets: Dataset) -> ExistingTables:
    """Return all tables as declared, with these datasets replaced."""
    return ExistingTables(
        datasets={name: dataset(name) for name in DATASETS} | datasets,
        tables={
            str(table): declared(PLACE, table, KEEP_DAYS) for table in (*TABLES, *all_tables())
        },
        location="US",
        keep_days=KEEP_DAYS,
    )


def told(spoil: Callable[[Described], Any]) -> list[tuple[str, str]]:
    """Return the reported differences of a changed table."""
    there = found()
    spoil(there.tables[str(TDZA)])
    return [(d.kind, d.what) for d in differences(PLACE, there) if d.name == str(TDZA)]


def with_field(
    name: str, kind: str, mode: str = "NULLABLE", **sizes: int
) -> Callable[[Described], None]:
    def spoil(table: Described) -> None:
        fields = {field.name: field for field in table.schema} | {
            name: SchemaField(name, kind, mode, **sizes)
        }  # type: ignore[arg-type]
        table.schema = list(fields.values())

    return spoil


def test_what_is_as_declared_differs_in_nothing() -> None:
    assert differences(PLACE, found()) == []


def test_what_is_not_there_is_created_datasets_first() -> None:
    nothing = ExistingTables(datasets={}, tables={}, location=None, keep_days=KEEP_DAYS)
    made = differences(PLACE, nothing)
    assert [d.name for d in made] == [*DATASETS, *map(str, TABLES), *map(str, all_tables())]
    assert {d.kind for d in made} == {"create"}
    expire = [d.name for d in made if "partitions expire after 15 days" in d.what]
    assert expire == [str(kept(table)) for table in kept_tables()]


def test_without_versions_their_tables_are_not_needed() -> None:
    made = differences(PLACE, ExistingTables(datasets={}, tables={}, location=None))
    assert [d.name for d in made] == [*DATASETS, *map(str, TABLES)]


def test_kept_tables_follow_the_columns_and_the_days() -> None:
    there = found()
    table = there.tables[str(kept(TDZA))]
    table.schema = [field for field in table.schema if field.name != "games_in_sample"]
    table.time_partitioning = TimePartitioning(field="replaced_at", expiration_ms=3 * 86_400_000)
    there.tables[str(kept(FAILURES))].time_partitioning = TimePartitioning(field="replaced_at")
    told = [(d.kind, d.name, d.what) for d in differences(PLACE, there)]
    assert told == [
        ("add", str(kept(TDZA)), "column games_in_sample INT64"),
        ("keep", str(kept(TDZA)), "partitions expire after 3 days; now after 15"),
        ("keep", str(kept(FAILURES)), "partitions never expire; now after 15"),
    ]


def test_datasets_of_two_places_are_told_as_statements_cannot_join_them() -> None:
    [one] = differences(PLACE, found(nba_predictions=dataset("nba_predictions", "EU")))
    assert (one.kind, one.name, one.what.split(":")[0]) == (
        "wrong",
        "nba_predictions",
        "is in EU, the others in US",
    )


@pytest.mark.parametrize(
    ("spoil", "kind", "says"),
    [
        (
            with_field("paint_pct_allowed_last_15", "NUMERIC"),
            "left",
            "wider than declared",
        ),
        (
            with_field("paint_pct_allowed_last_15", "NUMERIC", precision=9, scale=4),
            "left",
            "wider than declared",
        ),
        (
            with_field("paint_pct_allowed_last_15", "NUMERIC", precision=5, scale=2),
            "wrong",
            "is NUMERIC(5,2), not NUMERIC(5,3)",
        ),
        (with_field("paint_pct_allowed_last_15", "FLOAT"), "wrong", "is FLOAT64, not NUMERIC(5,3)"),
        (
            with_field("calculation_notes", "STRING", "REQUIRED"),
            "wrong",
            "ALTER COLUMN calculation_notes DROP NOT NULL",
        ),
        (
            with_field("their_own", "STRING", "REQUIRED"),
            "wrong",
            "has an unused column their_own",
        ),
        (
            lambda t: setattr(t, "time_partitioning", None),
            "wrong",
            "is partitioned by nothing, not by analysis_date by DAY",
        ),
        (
            lambda t: setattr(t, "clustering_fields", ["team_abbr"]),
            "wrong",
            "is clustered by team_abbr",
        ),
        (
            lambda t: setattr(t, "require_partition_filter", True),
            "wrong",
            "require_partition_filter = FALSE",
        ),
        (
            lambda t: setattr(t, "expires", datetime(2030, 1, 1, tzinfo=UTC)),
            "keep",
            "expires on 2030-01-01",
        ),
        (
            lambda t: setattr(t, "schema", t.schema[1:]),
            "wrong",
            "column team_abbr STRING NOT NULL is missing",
        ),
    ],
)
def test_one_difference_is_said_in_one_sentence(
    spoil: Callable[[Described], Any], kind: str, says: str
) -> None:
    [(is_kind, what)] = told(spoil)
    assert (is_kind, says in what) == (kind, True), what


def test_a_column_of_somebody_elses_that_may_be_empty_is_no_difference() -> None:
    assert told(with_field("their_own", "STRING")) == []


def test_a_folder_has_nothing_to_create(shell: Shell) -> None:
    answer = shell("create_tables", "--json")
    assert (answer.code, answer.document["differences"], answer.err) == (0, [], "")
