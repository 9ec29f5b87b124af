"""Translation of GoogleSQL to DuckDB: rewrites beyond sqlglot's that keep numbers and NULLs equal on both."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from backfill.errors import Refused
from backfill.warehouse.dialect import Translated
from backfill.warehouse.live_ctes import replace_live_parts
from backfill.warehouse.season_ctes import flatten, keep_season_parts

NUMERIC = exp.DataType.build("DECIMAL(38, 9)", dialect="duckdb")


def _decimal(value: exp.Expr, decimals: int) -> exp.Expr:
    """Return a number rounded half away from zero; 18 digits fit a machine word, 38 are several
    times as slow.
    """
    return exp.Cast(this=value, to=exp.DataType.build(f"DECIMAL(18, {decimals})", dialect="duckdb"))


def _format(node: exp.Format) -> exp.Expr:
    """Translate FORMAT('%.2f', x), which prints a NUMERIC with exactly two decimals; DuckDB does so
    for a DECIMAL of that scale.
    """
    if not (found := re.fullmatch(r"%\.(\d)f", node.this.name)):
        raise Refused(f"FORMAT supports only '%.Nf', not {node.this.name!r}")
    decimals = int(found[1])
    return exp.Cast(this=_decimal(node.expressions[0], decimals), to=exp.DataType.build("TEXT"))


def _is_numeric(node: exp.Expr) -> bool:
    return isinstance(node, exp.SafeDivide) or (
        isinstance(node, exp.Cast) and node.to.is_type("decimal")
    )


def _rewritten(node: exp.Expr) -> exp.Expr:
    """Return one node, replaced if its plain translation would be slow or give other values."""
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
        # A bound parameter has no type before binding, so that DuckDB would plan the statement
        # twice.
        return exp.Anonymous(this="getvariable", expressions=[exp.Literal.string(node.name)])
    if isinstance(node, exp.Format):
        return _format(node)
    if isinstance(node, exp.LowerHex | exp.Hex) and isinstance(node.this, exp.SHA2Digest):
        return exp.Anonymous(this="sha256", expressions=[node.this.this])  # hexadecimal already
    return node


def _translated(tree: exp.Expr) -> str:
    """Return the DuckDB text. Parents first: NUMERIC is recognized only before a node's own
    rewriting.
    """
    root = exp.Paren(this=tree)
    for node in list(root.bfs()):
        if (stand_in := _rewritten(node)) is not node:
            node.replace(stand_in)
    return str(root.this.sql("duckdb"))


def translate(sql: str, *, for_backfill: bool = False) -> Translated:
    """Translate one GoogleSQL query; `for_backfill` leaves out what only normal mode reads.

    Raises Refused unless it is a single SELECT.
    """
    try:
        statements = [s for s in sqlglot.parse(sql, read="bigquery") if s is not None]
    except SqlglotError as error:
        raise Refused(f"not valid GoogleSQL: {str(error).splitlines()[0]}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise Refused("exactly one SELECT is expected")
    tree = statements[0]
    for table in tree.find_all(exp.Table):
        table.set("catalog", None)  # a BigQuery project, which the embedded warehouse does not have
    flatten(tree)
    parts = [*(replace_live_parts(tree) if for_backfill else ()), *keep_season_parts(tree)]
    kept = tuple((part.name, _describe(part.query)) for part in parts)
    return _describe(tree, kept)


def _describe(tree: exp.Expr, kept: tuple[tuple[str, Translated], ...] = ()) -> Translated:
    tables = frozenset(f"{t.db}.{t.name}" for t in tree.find_all(exp.Table) if t.db)
    parameters = frozenset(p.name for p in tree.find_all(exp.Parameter))
    return Translated(sql=_translated(tree), tables=tables, parameters=parameters, kept=kept)
