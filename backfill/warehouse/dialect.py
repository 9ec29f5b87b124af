"""GoogleSQL in, DuckDB out: what sqlglot does not know about keeping numbers and NULLs equal on
both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from backfill.errors import Refused
from backfill.warehouse.season_ctes import flatten, keep_season_parts

NUMERIC = exp.DataType.build("DECIMAL(38, 9)", dialect="duckdb")

# BigQuery divides NUMERIC exactly and rounds half away from zero at nine decimals; DuckDB divides
# in binary floating
# point, which is the same but near a tie (or with many digits before the point). There, integer
# arithmetic decides;
# it costs sixty times as much, so it is kept for these. Scaled operands must stay below 2^127.
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


@dataclass(frozen=True)
class Translated:
    """A statement for DuckDB, with the tables (`dataset.name`) and the parameters that it mentions."""

    sql: str
    tables: frozenset[str]
    parameters: frozenset[str]
    kept: tuple[
        tuple[str, Translated], ...
    ] = ()  # the season's parts, each to be kept in the table of that name


def _decimal(value: exp.Expr, decimals: int) -> exp.Expr:
    """A number rounded half away from zero; 18 digits fit a machine word, 38 cost several times as
    much.
    """
    return exp.Cast(this=value, to=exp.DataType.build(f"DECIMAL(18, {decimals})", dialect="duckdb"))


def _format(node: exp.Format) -> exp.Expr:
    """FORMAT('%.2f', x) prints a NUMERIC with exactly two decimals; DuckDB does so for a DECIMAL of
    that scale.
    """
    if not (found := re.fullmatch(r"%\.(\d)f", node.this.name)):
        raise Refused(f"FORMAT is understood with '%.Nf' alone, not with {node.this.name!r}")
    decimals = int(found[1])
    return exp.Cast(this=_decimal(node.expressions[0], decimals), to=exp.DataType.build("TEXT"))


def _is_numeric(node: exp.Expr) -> bool:
    return isinstance(node, exp.SafeDivide) or (
        isinstance(node, exp.Cast) and node.to.is_type("decimal")
    )


def _rewritten(node: exp.Expr) -> exp.Expr:
    """One node, or what stands for it where its plain translation would give other values or be
    slow.
    """
    if isinstance(node, exp.SafeDivide):
        return exp.Anonymous(this="safe_divide", expressions=[node.this, node.expression])
    if (
        isinstance(node, exp.Round)
        and isinstance(node.args.get("decimals"), exp.Literal)
        and _is_numeric(node.this)
    ):
        return _decimal(node.this, int(node.args["decimals"].name))
    if (
        isinstance(node, exp.DataType)
        and node.this == exp.DataType.Type.DECIMAL
        and not node.expressions
    ):
        return NUMERIC.copy()
    if isinstance(node, exp.Parameter):
        # A bound parameter has no type until it is bound, so that DuckDB would plan the statement
        # twice.
        return exp.Anonymous(this="getvariable", expressions=[exp.Literal.string(node.name)])
    if isinstance(node, exp.Format):
        return _format(node)
    if isinstance(node, exp.LowerHex | exp.Hex) and isinstance(node.this, exp.SHA2Digest):
        return exp.Anonymous(this="sha256", expressions=[node.this.this])  # hexadecimal already
    return node


def _translated(tree: exp.Expr) -> str:
    """The DuckDB text. Parents first: whether a value is NUMERIC shows before its own rewriting."""
    root = exp.Paren(this=tree)
    for node in list(root.bfs()):
        if (stand_in := _rewritten(node)) is not node:
            node.replace(stand_in)
    return str(root.this.sql("duckdb"))


@lru_cache(maxsize=256)
def to_duckdb(sql: str) -> Translated:
    """Translate one GoogleSQL query. Raises Refused when it is not one query that reads."""
    try:
        statements = [s for s in sqlglot.parse(sql, read="bigquery") if s is not None]
    except SqlglotError as error:
        raise Refused(f"not valid GoogleSQL: {str(error).splitlines()[0]}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise Refused("exactly one SELECT is wanted")
    tree = statements[0]
    for table in tree.find_all(exp.Table):
        table.set("catalog", None)  # a BigQuery project, which the embedded warehouse has not
    flatten(tree)
    kept = tuple((part.name, _describe(part.query)) for part in keep_season_parts(tree))
    return _describe(tree, kept)


def _describe(tree: exp.Expr, kept: tuple[tuple[str, Translated], ...] = ()) -> Translated:
    tables = frozenset(f"{t.db}.{t.name}" for t in tree.find_all(exp.Table) if t.db)
    parameters = frozenset(p.name for p in tree.find_all(exp.Parameter))
    return Translated(_translated(tree), tables, parameters, kept)


def naive(value: object) -> object:
    """A TIMESTAMP holds UTC without saying so; DuckDB would shift an aware one to the local zone."""
    return (
        value.astimezone(UTC).replace(tzinfo=None)
        if isinstance(value, datetime) and value.tzinfo
        else value
    )
