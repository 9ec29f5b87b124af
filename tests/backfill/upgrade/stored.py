"""Stored database of the version before the state columns, loaded into the test database and
migrated.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from django.utils.timezone import is_naive, make_aware

HERE = Path(__file__).parent
BEFORE = [("backfill", "0006_warehouse_jobs")]
TABLES = (
    "webapp.User",
    "webapp.Token",
    "backfill.Limits",
    "backfill.Sweep",
    "backfill.Worker",
    "backfill.Judged",
    "backfill.Verdict",
    "backfill.Job",
    "backfill.Batch",
    "backfill.Run",
    "backfill.Launch",
    "backfill.Finding",
    "backfill.Event",
    "backfill.Notice",
)
ANSWERS: dict[str, Any] = json.loads((HERE / "answers.json").read_text(encoding="utf-8"))
AT = datetime(2026, 11, 29, tzinfo=UTC)  # time of the old version's answers


@contextmanager
def upgraded() -> Iterator[sqlite3.Connection]:
    """Migrate the test database back, load the stored rows, and migrate forward.

    Yields the stored database.
    """
    newest = [
        key
        for key in MigrationExecutor(connection).loader.graph.leaf_nodes()
        if key[0] == "backfill"
    ]
    stored = sqlite3.connect(":memory:")
    stored.executescript(gzip.decompress((HERE / "before_columns.sql.gz").read_bytes()).decode())
    stored.row_factory = sqlite3.Row
    try:
        executor = MigrationExecutor(connection)
        apps = executor.migrate(BEFORE).apps
        for name in TABLES:
            _fill(apps.get_model(name), stored)
        MigrationExecutor(connection).migrate(newest)
        yield stored
    finally:
        stored.close()
        MigrationExecutor(connection).migrate(newest)


def _fill(model: type[models.Model], stored: sqlite3.Connection) -> None:
    rows = stored.execute(f"SELECT * FROM {model._meta.db_table} ORDER BY id").fetchall()
    fields = {field.column: field for field in model._meta.concrete_fields}
    made = [
        # A sqlite3.Row iterates over its values.
        model(**{fields[c].attname: _value(fields[c], row[c]) for c in row.keys()})  # noqa: SIM118
        for row in rows
    ]
    model._default_manager.bulk_create(made)


def _value(field: models.Field[Any, Any], value: Any) -> Any:
    if isinstance(field, models.JSONField):
        return value if value is None else json.loads(value)
    if isinstance(field, models.ForeignKey):
        return value
    found = field.to_python(value)
    return make_aware(found, UTC) if isinstance(found, datetime) and is_naive(found) else found
