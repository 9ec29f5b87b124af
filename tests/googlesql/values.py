"""Conversion of values between Python and Google's engine, typed by the schema's texts.

Examples: `NUMERIC(5,1)`, `ARRAY<DATE>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeKind, TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY = EPOCH.date().toordinal()
NANO = 10**9  # NUMERIC is sent as an integer number of these, little-endian
KINDS = {
    "STRING": TypeKind.TYPE_STRING,
    "INT64": TypeKind.TYPE_INT64,
    "BOOL": TypeKind.TYPE_BOOL,
    "FLOAT64": TypeKind.TYPE_DOUBLE,
    "DATE": TypeKind.TYPE_DATE,
    "TIMESTAMP": TypeKind.TYPE_TIMESTAMP,
    "NUMERIC": TypeKind.TYPE_NUMERIC,
}
NAMES = {kind: name for name, kind in KINDS.items()}


def type_proto(name: str) -> TypeProto:
    """Return the type of a GoogleSQL text; structs are written `STRUCT<a INT64, b DATE>`."""
    if name.startswith("ARRAY<"):
        found = TypeProto(type_kind=TypeKind.TYPE_ARRAY)
        found.array_type.element_type.CopyFrom(type_proto(name[6:-1]))
        return found
    if name.startswith("STRUCT<"):
        found = TypeProto(type_kind=TypeKind.TYPE_STRUCT)
        for own, kind in fields(name):
            found.struct_type.field.add(field_name=own, field_type=type_proto(kind))
        return found
    return TypeProto(type_kind=KINDS[name.split("(", maxsplit=1)[0]])


@cache
def fields(struct: str) -> list[tuple[str, str]]:
    """Return the names and types of a struct's fields; empty if it is not a struct."""
    return [
        (name, kind)
        for name, _, kind in (field.partition(" ") for field in struct[7:-1].split(", "))
    ]


def type_name(proto: TypeProto) -> str:
    """Return the GoogleSQL text of a type."""
    if proto.type_kind == TypeKind.TYPE_ARRAY:
        return f"ARRAY<{type_name(proto.array_type.element_type)}>"
    return NAMES[proto.type_kind]


def type_of(value: object) -> str:
    """Return the type of a parameter, as the BigQuery client would declare it."""
    if isinstance(value, list | tuple):
        return f"ARRAY<{type_of(value[0]) if value else 'STRING'}>"
    if isinstance(value, Mapping):
        return f"STRUCT<{', '.join(f'{name} {type_of(v)}' for name, v in value.items())}>"
    kinds = {
        bool: "BOOL",
        int: "INT64",
        float: "FLOAT64",
        str: "STRING",
        datetime: "TIMESTAMP",
        date: "DATE",
        Decimal: "NUMERIC",
    }
    return kinds[type(value)]


def encoded(value: Any, kind: str) -> ValueProto:
    """Encode a value for the engine; NULL is a ValueProto without a value."""
    if value is None:
        return ValueProto()
    if kind.startswith("ARRAY<"):
        return ValueProto(
            array_value=ValueProto.Array(
                element=[encoded(element, kind[6:-1]) for element in value]
            )
        )
    if kind.startswith("STRUCT<"):
        return ValueProto(
            struct_value=ValueProto.Struct(
                field=[encoded(value.get(name), own) for name, own in fields(kind)]
            )
        )
    return ENCODERS[kind.split("(", maxsplit=1)[0]](value)


def _timestamp(value: datetime) -> ValueProto:
    """Encode a timestamp; naive ones are UTC, as in the embedded warehouse."""
    found = ValueProto()
    found.timestamp_value.FromDatetime(
        value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    )
    return found


def _numeric(value: Decimal | int) -> ValueProto:
    whole = int(Decimal(value).scaleb(9))
    return ValueProto(
        numeric_value=whole.to_bytes(whole.bit_length() // 8 + 1, "little", signed=True)
    )


ENCODERS: dict[str, Any] = {
    "BOOL": lambda v: ValueProto(bool_value=v),
    "INT64": lambda v: ValueProto(int64_value=v),
    "FLOAT64": lambda v: ValueProto(double_value=v),
    "STRING": lambda v: ValueProto(string_value=v),
    "DATE": lambda v: ValueProto(date_value=v.toordinal() - FIRST_DAY),
    "TIMESTAMP": _timestamp,
    "NUMERIC": _numeric,
}


def decoded(value: ValueProto) -> Any:
    """Decode a value as DuckDB's client returns it: naive timestamps, Decimals, lists."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    return DECODERS[kind](getattr(value, kind))


DECODERS: dict[str, Any] = {
    "bool_value": bool,
    "int64_value": int,
    "double_value": float,
    "string_value": str,
    "date_value": lambda v: date.fromordinal(v + FIRST_DAY),
    "timestamp_value": lambda v: (
        datetime(1970, 1, 1) + timedelta(seconds=v.seconds, microseconds=v.nanos // 1000)
    ),
    "numeric_value": lambda v: Decimal(int.from_bytes(v, "little", signed=True)).scaleb(-9),
    "array_value": lambda v: [decoded(element) for element in v.element],
}
