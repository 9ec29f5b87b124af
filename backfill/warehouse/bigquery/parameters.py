"""Conversion of values: typed parameters to BigQuery, rows from BigQuery as in the embedded
warehouse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter, StructQueryParameter

from backfill.warehouse.dialect import naive
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table

Parameter = ScalarQueryParameter | ArrayQueryParameter
# Most specific first: a bool is an int, a datetime is a date.
TYPES: tuple[tuple[type, str], ...] = (
    (bool, "BOOL"),
    (int, "INT64"),
    (float, "FLOAT64"),
    (Decimal, "NUMERIC"),
    (datetime, "TIMESTAMP"),
    (date, "DATE"),
    (str, "STRING"),
)
# Element type of an empty array, by the end of its name.
DATES = "dates"


def parameters(params: Mapping[str, object]) -> list[Parameter]:
    """Return query parameters, typed by their values. A datetime without a zone is UTC."""
    return [_parameter(name, value) for name, value in params.items()]


def mentioned(text: str, params: Mapping[str, object]) -> list[Parameter]:
    """Return the parameters that a statement mentions."""
    return parameters(
        {name: value for name, value in params.items() if re.search(rf"@{name}\b", text)}
    )


def rows_parameter(name: str, table: Table, rows: Sequence[Row]) -> ArrayQueryParameter:
    """Return rows of a table as one ARRAY<STRUCT>, typed by its schema."""
    return ArrayQueryParameter(name, "STRUCT", [_struct(table, row) for row in rows])


def _struct(table: Table, row: Row) -> StructQueryParameter:
    fields = (
        ScalarQueryParameter(c.name, c.type.split("(")[0], _exact(c.scale, row[c.name]))
        for c in table.columns
    )
    return StructQueryParameter(None, *fields)


def _exact(scale: int | None, value: Any) -> Any:
    """Round a float for a NUMERIC column, which accepts no more decimals than its scale."""
    return round(Decimal(str(value)), scale) if scale is not None and value is not None else value


def _parameter(name: str, value: Any) -> Parameter:
    if isinstance(value, list | tuple | set | frozenset):
        elements = list(value)
        kind = _type(elements[0]) if elements else "DATE" if name.endswith(DATES) else "STRING"
        return ArrayQueryParameter(name, kind, elements)
    return ScalarQueryParameter(name, _type(value), value)


def _type(value: object) -> str:
    return next((name for kind, name in TYPES if isinstance(value, kind)), "STRING")


def plain(row: Mapping[str, Any]) -> Row:
    """Return a row as both warehouses do: UTC timestamps without a zone, numbers without trailing
    zeros.
    """
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return _short(value) if isinstance(value, Decimal) else naive(value)


def _short(value: Decimal) -> Decimal:
    """Remove trailing zeros, which only one way of reading adds."""
    short = value.normalize()
    return (
        short.quantize(Decimal(1))
        if isinstance(exponent := short.as_tuple().exponent, int) and exponent > 0
        else short
    )
