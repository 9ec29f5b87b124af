"""Dump and restore of the database: of SQLite as a file, of PostgreSQL by COPY, table by table.

The tables of a PostgreSQL dump are made by the migrations that the dump names, so it can be restored
into any major version, through PgBouncer, and without PostgreSQL's own programs.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from backfill.errors import Refused

FILE = "backcourt.sqlite3"
# Rows that a start, a migration or a heartbeat makes in an empty database.
OF_ANY_DATABASE = {
    *("django_migrations", "django_content_type", "auth_permission"),
    *("backfill_worker", "backfill_sweep", "backfill_limits"),
}


def newest_migrations() -> list[list[str]]:
    """Return the newest applied migration of each app."""
    newest: dict[str, str] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        newest[app] = name
    return [[app, name] for app, name in newest.items()]


def filled_table() -> str:
    """Return a table with rows; empty for a database that has none."""
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            if table in OF_ANY_DATABASE:
                continue
            cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")
            if cursor.fetchone():
                return table
    return ""


def dump(folder: Path) -> dict[str, list[str]]:
    """Write the database into a folder as of one instant; return the columns of each table."""
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(_sqlite_file(), timeout=60)) as database:
            database.execute("VACUUM INTO ?", [str(folder / FILE)])
        return {}
    tables = _tables()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for table, columns in tables.items():
            statement = f"COPY {_quoted(table, columns)} TO STDOUT"
            with (folder / table).open("wb") as file, cursor.copy(statement) as copied:
                for data in copied:
                    file.write(data)
    return tables


def check_migrations(migrations: Sequence[Sequence[str]]) -> None:
    """Raise Refused if a dump has a migration that this version does not know."""
    known = MigrationExecutor(connection).loader.graph.nodes
    if newer := [f"{app}.{name}" for app, name in migrations if (app, name) not in known]:
        raise Refused(
            f"the backup was made by a newer version (migration {newer[0]}); restore it with that"
        )


def restore(
    folder: Path, tables: Mapping[str, Sequence[str]], migrations: Sequence[Sequence[str]]
) -> None:
    """Replace the whole database by a dump, in one transaction or one rename."""
    if connection.vendor == "sqlite":
        _restore_file(folder / FILE)
        return
    with transaction.atomic(), connection.cursor() as cursor:
        found = [connection.ops.quote_name(t) for t in connection.introspection.table_names(cursor)]
        if found:
            cursor.execute(f"DROP TABLE {', '.join(found)} CASCADE")
        MigrationExecutor(connection).migrate([(app, name) for app, name in migrations])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # or rows of migrations block TRUNCATE
        cursor.execute(f"TRUNCATE {', '.join(map(connection.ops.quote_name, tables))}")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for table, columns in tables.items():
            with (
                (folder / table).open("rb") as file,
                cursor.copy(f"COPY {_quoted(table, columns)} FROM STDIN") as copied,
            ):
                while data := file.read(1 << 20):
                    copied.write(data)
        _reset_sequences(cursor, tables)


def _reset_sequences(cursor: Any, tables: Mapping[str, Sequence[str]]) -> None:
    for sequence in (s for t in tables for s in connection.introspection.get_sequences(cursor, t)):
        table, column = map(connection.ops.quote_name, (sequence["table"], sequence["column"]))
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence(%s, %s), coalesce(max({column}), 1),"
            f" max({column}) IS NOT NULL) FROM {table}",
            [table, sequence["column"]],
        )


def _restore_file(dump: Path) -> None:
    target = _sqlite_file()
    connection.close()
    made = target.with_name(f"{target.name}.restoring")
    with dump.open("rb") as source, made.open("wb") as copy:
        while data := source.read(1 << 20):
            copy.write(data)
        copy.flush()
        os.fsync(copy.fileno())
    for name in ("-wal", "-shm"):
        target.with_name(f"{target.name}{name}").unlink(missing_ok=True)
    made.replace(target)


def _sqlite_file() -> Path:
    return Path(str(connection.settings_dict["NAME"]))


def _tables() -> dict[str, list[str]]:
    """Return the columns of the table of each model."""
    models = apps.get_models(include_auto_created=True)
    return {
        model._meta.db_table: [str(f.column) for f in model._meta.local_concrete_fields]
        for model in models
        if model._meta.managed and not model._meta.proxy
    }


def _quoted(table: str, columns: Sequence[str]) -> str:
    quote = connection.ops.quote_name
    return f"{quote(table)} ({', '.join(map(quote, columns))})"
