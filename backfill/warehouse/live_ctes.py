"""Parts of a statement for normal mode, which have no rows in backfill mode.

DuckDB plans them nevertheless, for a third of a statement's planning time.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from backfill.warehouse.season_ctes import Kept, kept_part, tables_of

MODE = "backfill_mode"


def replace_live_parts(tree: exp.Query) -> list[Kept]:
    """Replace the CTEs without rows in backfill mode with reads of the returned empty tables."""
    with_ = tree.args.get("with_")
    ctes: dict[str, exp.CTE] = {c.alias: c for c in with_.expressions} if with_ else {}
    empty: set[str] = set()
    for name, cte in ctes.items():
        if _is_empty(cte.this, empty):
            empty.add(name)
    main = tree.copy()
    main.set("with_", None)
    rest = [main, *(cte.this for name, cte in ctes.items() if name not in empty)]
    read = empty & set().union(*map(tables_of, rest))
    kept = {name: kept_part(name, ctes, limit=0) for name in ctes if name in read}
    for name, part in kept.items():
        ctes[name].set("this", exp.select("*").from_(part.name))
    if with_ and empty:
        with_.set("expressions", [c for n, c in ctes.items() if n not in empty - read])
    return list(kept.values())


def _is_empty(query: exp.Expr, empty: Collection[str]) -> bool:
    """Return True for a SELECT that has no rows in backfill mode. False proves nothing."""
    if not isinstance(query, exp.Select):
        return False
    if not query.args.get("group") and any(e.find(exp.AggFunc) for e in query.expressions):
        return False  # one row, even of an empty source
    where, from_ = query.args.get("where"), query.args.get("from_")
    if where and any(map(_is_for_normal_mode, _conjuncts(where.this))):
        return True
    joins = [j.this for j in query.args.get("joins") or () if not j.side]
    sources = [*([from_.this] if from_ else ()), *joins]
    return any(_is_empty_source(source, empty) for source in sources)


def _conjuncts(condition: exp.Expr) -> list[exp.Expr]:
    return list(condition.flatten()) if isinstance(condition, exp.And) else [condition]


def _is_for_normal_mode(condition: exp.Expr) -> bool:
    mode = condition.this if isinstance(condition, exp.Not) else None
    return isinstance(mode, exp.Parameter) and mode.name == MODE


def _is_empty_source(source: exp.Expr, empty: Collection[str]) -> bool:
    if isinstance(source, exp.Subquery):
        return _is_empty(source.this, empty)
    return isinstance(source, exp.Table) and not source.db and source.name in empty
