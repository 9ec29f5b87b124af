"""DuckDB of this process: one database for all its sessions, so that a season is read, and its
parts are computed, once for all threads.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import count
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary, finalize

import duckdb

from backfill.warehouse.dialect import DUCKDB_MACROS
from backfill.warehouse.duckdb_options import connect
from backfill.warehouse.tables import TABLES

Key = tuple[object, ...]


class SharedTable:
    """Table that all sessions read. It is dropped with the last reference to this object."""

    def __init__(self, name: str) -> None:
        self.name = name


class Engine:
    """Database in memory with a catalog for each session and one for shared tables."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._db = connect(options)
        self._db.execute("CREATE SCHEMA shared")
        self._tables: WeakValueDictionary[Key, SharedTable] = WeakValueDictionary()
        self._locks: defaultdict[Key, Lock] = defaultdict(Lock)
        self._numbers, self._lock = count(1), Lock()

    def connect(self, session: object) -> duckdb.DuckDBPyConnection:
        """Open a connection with its own catalog, which is removed with the session."""
        name, db = f"session_{self._number()}", self._db.cursor()
        db.execute(f"ATTACH ':memory:' AS {name}")
        db.execute(f"USE {name}")
        db.execute(DUCKDB_MACROS)
        for dataset in sorted({t.dataset for t in TABLES}):
            db.execute(f"CREATE SCHEMA {dataset}")
        self._at_end(session, f"DETACH {name}")
        return db

    def shared(self, key: Key, fill: Callable[[str], object]) -> SharedTable:
        """Return the table of this key; the first caller fills it, others wait."""
        with self._lock:
            lock = self._locks[key]
        with lock:
            if found := self._tables.get(key):
                return found
            made = SharedTable(f"memory.shared.table_{self._number()}")
            fill(made.name)
            self._at_end(made, f"DROP TABLE {made.name}")
            self._tables[key] = made
        with self._lock:
            self._locks.pop(key, None)
        return made

    def _number(self) -> int:
        with self._lock:
            return next(self._numbers)

    def _at_end(self, owner: object, sql: str) -> None:
        finalize(owner, lambda: self._db.cursor().execute(sql)).atexit = False


def engine(options: Mapping[str, Any]) -> Engine:
    """Return the engine of this process with these options; its folder for temporary files is that
    of the first call.
    """
    named = ((name, value) for name, value in options.items() if name != "temp_directory")
    key = os.getpid(), *sorted(named)
    with _lock:
        if key not in _engines:
            _engines[key] = Engine(options)
        return _engines[key]


_engines: dict[Key, Engine] = {}
_lock = Lock()
