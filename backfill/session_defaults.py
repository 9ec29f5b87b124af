"""Timeouts of the database sessions, stored in PostgreSQL for the role of DATABASE_URL.

As parameters of the connection, PgBouncer would refuse or ignore them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from django.db import connections

# For a row that a stopped process locked, and for its transaction.
TIMEOUTS = MappingProxyType({"lock_timeout": "30s", "idle_in_transaction_session_timeout": "60s"})


def store(using: str, **kwargs: Any) -> None:
    """Store each timeout that is not set yet. New sessions start with it."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        database = connection.ops.quote_name(cursor.fetchone()[0])
        for name, value in TIMEOUTS.items():
            cursor.execute("SELECT current_setting(%s)", [name])
            if cursor.fetchone() == ("0",):
                cursor.execute(
                    f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET {name} = '{value}'"
                )
