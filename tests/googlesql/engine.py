"""Google's GoogleSQL analyzer and reference engine (`zetasql`, WebAssembly), set up like BigQuery.

Compiling its module takes 20 s; the machine code is cached on disk, so that later processes start
in a second. Requests and responses are protocol messages: the package's dataclasses would cost more
than the queries.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from google.protobuf.empty_pb2 import Empty
from wasmtime import Config
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as messages
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import AnalyzerOptionsProto, LanguageOptionsProto
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto
from zetasql.wasi._pb2.zetasql.public.options_pb2 import (
    ErrorMessageMode,
    LanguageFeature,
    ProductMode,
)
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_node_kind_pb2 import ResolvedNodeKind

from tests.googlesql.values import decoded, encoded, type_name, type_of, type_proto

COMPILED = Path(sys.prefix) / "cache" / "wasmtime"  # next to the package, removed with it
STATEMENTS = ("QUERY", "MERGE", "INSERT", "DELETE", "CREATE_TABLE", "CREATE_TABLE_AS_SELECT")
# Only language features that BigQuery documents and that we use.
FEATURES = (
    "ANALYTIC_FUNCTIONS",
    "NUMERIC_TYPE",
    "PARAMETERIZED_TYPES",
    "V_1_1_WITH_ON_SUBQUERY",
    "V_1_1_SELECT_STAR_EXCEPT_REPLACE",
    "V_1_1_ORDER_BY_IN_AGGREGATE",
    "V_1_1_NULL_HANDLING_MODIFIER_IN_ANALYTIC",
    "V_1_2_CIVIL_TIME",
    "V_1_3_IS_DISTINCT",
    "V_1_3_QUALIFY",
    "V_1_3_DATE_ARITHMETICS",
    "V_1_3_ADDITIONAL_STRING_FUNCTIONS",
    "V_1_3_EXTENDED_DATE_TIME_SIGNATURES",
    "CREATE_TABLE_PARTITION_BY",
    "CREATE_TABLE_CLUSTER_BY",
    "CREATE_TABLE_NOT_NULL",
    "CREATE_TABLE_FIELD_ANNOTATIONS",
)

Row = dict[str, Any]
Columns = Sequence[tuple[str, str]]  # names and GoogleSQL types


class _KeptCode(Config):
    """Config that keeps compiled code on disk."""

    def __init__(self) -> None:
        super().__init__()
        COMPILED.mkdir(parents=True, exist_ok=True)
        settings = COMPILED / "cache.toml"
        settings.write_text(f'[cache]\ndirectory = "{COMPILED}"\n')
        self.cache = str(settings)


@cache
def _client() -> Any:
    from zetasql.core import wasm_client  # its dataclasses take a second, also of other tests

    class Client(wasm_client.WasmClient):
        """WasmClient that copies blocks; the package's client copies bytes one by one."""

        def write_bytes(self, ptr: int, data: bytes) -> None:
            ctypes.memmove(self._address(ptr), data, len(data))

        def read_bytes(self, ptr: int, size: int) -> bytes:
            return ctypes.string_at(self._address(ptr), size)

        def _address(self, ptr: int) -> int:
            return ctypes.addressof(self.memory.data_ptr().contents) + ptr

    wasm_client.Config = _KeptCode
    return Client(get_wasm_path())


def _call(name: str, request: Any, response: Any) -> Any:
    return _client().call_grpc_func(f"ZetaSqlLocalService_{name}", request, response)


def language(features: Iterable[str] = FEATURES) -> LanguageOptionsProto:
    """Return language options: BigQuery's product mode, with these features."""
    return LanguageOptionsProto(
        product_mode=ProductMode.PRODUCT_EXTERNAL,
        enabled_language_features=[LanguageFeature.Value(f"FEATURE_{name}") for name in features],
        supported_statement_kinds=[
            ResolvedNodeKind.Value(f"RESOLVED_{name}_STMT") for name in STATEMENTS
        ],
    )


def _options(parameters: Mapping[str, str]) -> AnalyzerOptionsProto:
    found = AnalyzerOptionsProto(language_options=language(), default_timezone="UTC")
    found.error_message_mode = ErrorMessageMode.ERROR_MESSAGE_MULTI_LINE_WITH_CARET
    for name, kind in parameters.items():
        found.query_parameters.add(name=name, type=type_proto(kind))
    return found


@dataclass(frozen=True)
class Content:
    """Contents of a table, in the engine's terms."""

    columns: Columns
    rows: Sequence[Row] = ()

    @property
    def type(self) -> str:
        """GoogleSQL type of the table's rows."""
        return f"ARRAY<STRUCT<{', '.join(f'{name} {kind}' for name, kind in self.columns)}>>"

    @cached_property
    def encoded(self) -> Any:
        """Rows as the engine's value."""
        return encoded(self.rows, self.type)


@dataclass
class Database:
    """Tables by name (`dataset.name` or plain), for analysis and execution of statements."""

    tables: dict[str, Content]

    def refused(self, statements: Iterable[tuple[str, Mapping[str, str]]]) -> list[str]:
        """Return the analyzer's errors for statements with the types of their parameters."""
        request = messages.RegisterCatalogRequest(simple_catalog=self._catalog())
        catalog = _call("RegisterCatalog", request, messages.RegisterResponse).registered_id
        return [said for sql, types in statements if (said := _refused(sql, types, catalog))]

    def columns(self, sql: str, parameters: Mapping[str, str]) -> Columns:
        """Return the names and types of a query's columns."""
        return _columns(self._prepared(sql, parameters))

    def run(self, sql: str, params: Mapping[str, Any]) -> Content:
        """Return the columns and rows of a query.

        Tables are passed as parameters, so that a statement analyzed once can run on changed
        tables: analysis takes longer than execution on a small league.
        """
        types = {name: type_of(value) for name, value in params.items()}
        prepared = self._prepared(sql, types)
        request = messages.EvaluateQueryRequest(prepared_query_id=prepared.prepared_query_id)
        for name, kind in types.items():
            request.params.add(name=name, value=encoded(params[name], kind))
        for name in self._read(sql):
            request.params.add(name=_parameter(name), value=self.tables[name].encoded)
        response = _call("EvaluateQuery", request, messages.EvaluateQueryResponse)
        columns = _columns(prepared)
        rows = [
            dict(zip(dict(columns), map(decoded, row.cell), strict=True))
            for row in response.content.table_data.row
        ]
        return Content(columns, rows)

    def _read(self, sql: str) -> list[str]:
        return sorted({name for name in _READ.findall(sql) if name in self.tables})

    def _prepared(self, sql: str, types: Mapping[str, str]) -> Any:
        return _prepared(
            sql,
            tuple(types.items()),
            tuple((name, self.tables[name].type) for name in self._read(sql)),
        )

    def _catalog(self) -> SimpleCatalogProto:
        root = _catalog()
        datasets: dict[str, SimpleCatalogProto] = {"": root}
        for name, table in self.tables.items():
            dataset, _, own = name.rpartition(".")
            if dataset not in datasets:
                datasets[dataset] = root.catalog.add(name=dataset)
            found = datasets[dataset].table.add(name=own, full_name=name)
            for column, kind in table.columns:
                found.column.add(name=column, type=type_proto(kind), is_writable_column=True)
        return root


def _refused(sql: str, types: Mapping[str, str], catalog: int) -> str:
    from zetasql.core.exceptions import ServerError

    request = messages.AnalyzeRequest(
        sql_statement=sql, options=_options(types), registered_catalog_id=catalog
    )
    try:
        # Empty discards the resolved tree, which is deeper than a message allows.
        _call("Analyze", request, Empty)
    except ServerError as error:
        return f"{error}\n{sql}"
    return ""


_READ = re.compile(r"\b(?:FROM|JOIN)\s+([\w.]+)")


def _parameter(table: str) -> str:
    return "table_" + table.replace(".", "_")


def _catalog() -> SimpleCatalogProto:
    """Return a catalog with BigQuery's functions and no tables."""
    found = SimpleCatalogProto(name="project")
    found.builtin_function_options.language_options.CopyFrom(language())
    return found


@cache
def _prepared(
    sql: str, types: tuple[tuple[str, str], ...], tables: tuple[tuple[str, str], ...]
) -> Any:
    names = dict(tables)

    def given(found: re.Match[str]) -> str:
        name = found[1]
        return (
            found[0].replace(name, f"(SELECT * FROM UNNEST(@{_parameter(name)}))")
            if name in names
            else found[0]
        )

    declared = {**dict(types), **{_parameter(name): kind for name, kind in tables}}
    request = messages.PrepareQueryRequest(
        sql=_READ.sub(given, sql), options=_options(declared), simple_catalog=_catalog()
    )
    return _call("PrepareQuery", request, messages.PrepareQueryResponse).prepared


def _columns(prepared: Any) -> Columns:
    return [(c.name, type_name(c.type)) for c in prepared.columns]
