"""Season-only parts of a statement, kept by a session from batch to batch.

A processor's windows are the same for every date of a season; only the match of dates to games
differs. A CTE that reads only inputs and has no parameter but @season_start is such a part.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlglot import exp

from backfill.warehouse.tables import INPUTS

SEASON = frozenset({"season_start"})
INPUT_REFS = frozenset(map(str, INPUTS))


@dataclass(frozen=True)
class Kept:
    """Season part of a statement: its table, and the query that fills it."""

    name: str
    query: exp.Expr


def tables_of(node: exp.Expr) -> frozenset[str]:
    return frozenset(f"{t.db}.{t.name}" if t.db else t.name for t in node.find_all(exp.Table))


def _parameters(node: exp.Expr) -> frozenset[str]:
    return frozenset(p.name for p in node.find_all(exp.Parameter))


def _needed(name: str, ctes: dict[str, exp.CTE]) -> list[str]:
    """Return the CTEs that one builds on, itself included, in their order."""
    needed, waiting = set(), [name]
    while waiting:
        needed.add(current := waiting.pop())
        waiting += tables_of(ctes[current]) & ctes.keys() - needed
    return [n for n in ctes if n in needed]


def kept_part(name: str, ctes: dict[str, exp.CTE], limit: int | None = None) -> Kept:
    """Return the table of a CTE, filled with its rows or with the first of them."""
    needed = [ctes[n] for n in _needed(name, ctes)]
    query = exp.select("*").from_(name)
    if limit is not None:
        query = query.limit(limit)
    query.set("with_", exp.With(expressions=[c.copy() for c in needed]))
    digest = hashlib.sha256(query.sql("bigquery").encode()).hexdigest()[:12]
    return Kept(f"kept_{digest}", query)


def flatten(tree: exp.Query) -> None:
    """Move the CTEs of a statement's CTEs into its own list, with duplicates merged."""
    with_ = tree.args.get("with_")
    found: dict[str, exp.CTE] = {}
    for cte in list(with_.expressions) if with_ else ():
        inner = cte.this.args.get("with_")
        within = {c.alias: c for c in inner.expressions} if inner else {}
        if all(found.get(name, c) == c for name, c in within.items()):
            cte.this.set("with_", None)
            found |= within
        found[cte.alias] = cte
    if with_:
        with_.set("expressions", list(found.values()))


def keep_season_parts(tree: exp.Query) -> list[Kept]:
    """Replace the season's CTEs of a statement with reads of the returned tables."""
    with_ = tree.args.get("with_")
    ctes: dict[str, exp.CTE] = {c.alias: c for c in with_.expressions} if with_ else {}
    seasonal: set[str] = set()
    for name, cte in ctes.items():
        if tables_of(cte) <= INPUT_REFS | seasonal and _parameters(cte) <= SEASON:
            seasonal.add(name)
    outer = [c.this for n, c in ctes.items() if n not in seasonal]
    read = set().union(*map(tables_of, outer)) if outer else set()
    kept = {n: kept_part(n, ctes) for n in ctes if n in seasonal & read}
    kept = {
        n: k for n, k in kept.items() if _parameters(k.query)
    }  # without a season there is nothing to keep
    for name, part in kept.items():
        ctes[name].set("this", exp.select("*").from_(part.name))
    return list(kept.values())
