"""GoogleSQL on DuckDB: macros, parameters, and the form of a translated statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# BigQuery divides NUMERIC exactly and rounds half away from zero at nine decimals. DuckDB divides
# in binary floating point, which differs only near a tie (or with many digits before the point).
# There, integer arithmetic decides; it is sixty times as slow. Scaled operands must stay below
# 2^127.
DUCKDB_MACROS = """
CREATE OR REPLACE MACRO scaled(x) AS CAST(CAST(x AS DECIMAL(28, 9)) * CAST(1000000000 AS DECIMAL(10, 0)) AS HUGEINT);
CREATE OR REPLACE MACRO integer_quotient(n, d) AS (2 * abs(n) + abs(d)) // (2 * abs(d)) * sign(n) * sign(d);
CREATE OR REPLACE MACRO exact_quotient(a, b) AS
  CAST(CAST(integer_quotient(scaled(a) * 1000000000, scaled(b)) AS DECIMAL(38, 0)) * CAST(0.000000001 AS DECIMAL(9, 9))
    AS DECIMAL(38, 9));
CREATE OR REPLACE MACRO safe_divide(a, b) AS CASE
  WHEN b = 0 THEN NULL
  WHEN abs(a / b) < 1000 AND abs(abs(a / b * 1e9) % 1 - 0.5) > 0.001 THEN CAST(a / b AS DECIMAL(38, 9))
  ELSE exact_quotient(a, b) END;
"""


@dataclass(frozen=True, kw_only=True)
class Translated:
    """Statement for DuckDB, with its tables (`dataset.name`) and parameters."""

    sql: str
    tables: frozenset[str]
    parameters: frozenset[str]
    kept: tuple[
        tuple[str, Translated], ...
    ] = ()  # the season's parts, each kept in the table of that name

    @classmethod
    def of(cls, document: dict[str, Any]) -> Translated:
        """Return the statement of a JSON document. Raises KeyError, TypeError, ValueError."""
        return cls(
            sql=document["sql"],
            tables=frozenset(document["tables"]),
            parameters=frozenset(document["parameters"]),
            kept=tuple((name, cls.of(part)) for name, part in document["kept"]),
        )


def naive(value: object) -> object:
    """Remove the zone of a UTC timestamp; DuckDB would shift it to the local zone."""
    return (
        value.astimezone(UTC).replace(tzinfo=None)
        if isinstance(value, datetime) and value.tzinfo
        else value
    )
