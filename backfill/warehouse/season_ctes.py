"""Which parts of a statement depend on the season alone, so that a session can keep them from batch
to batch.

A processor's windows are the same for every date of a season; only the match of dates to games
differs. A CTE that
reads nothing but inputs and has no parameter but @season_start is such a part.
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
    """A part worth keeping: the table to keep it in, and the query that fills it."""

    name: str
    query: exp.Expr


def _tables(node: exp.Expr) -> frozenset[str]:
    return frozenset(f"{t.db}.{t.name}" if t.db else t.name for t in node.find_all(exp.Table))


def _parameters(node: exp.Expr) -> frozenset[str]:
    return frozenset(p.name for p in node.find_all(exp.Parameter))


def _needed(name: str, ctes: dict[str, exp.CTE]) -> list[str]:
    """The CTEs that one builds on, itself included, in the order in which they stand."""
    wanted, waiting = set(), [name]
    while waiting:
        wanted.add(current := waiting.pop())
        waiting += _tables(ctes[current]) & ctes.keys() - wanted
    return [n for n in ctes if n in wanted]


def _kept(name: str, ctes: dict[str, exp.CTE]) -> Kept:
    needed = [ctes[n] for n in _needed(name, ctes)]
    query = exp.select("*").from_(name)
    query.set("with_", exp.With(expressions=[c.copy() for c in needed]))
    digest = hashlib.sha256(query.sql("bigquery").encode()).hexdigest()[:12]
    return Kept(f"kept_{digest}", query)


def flatten(tree: exp.Query) -> None:
    """Take the CTEs of a statement's CTEs out into its own list, where parts that are the same
    stand once.
    """
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
    """Take the season's parts out of a statement: their CTEs become reads of the tables returned."""
    with_ = tree.args.get("with_")
    ctes: dict[str, exp.CTE] = {c.alias: c for c in with_.expressions} if with_ else {}
    seasonal: set[str] = set()
    for name, cte in ctes.items():
        if _tables(cte) <= INPUT_REFS | seasonal and _parameters(cte) <= SEASON:
            seasonal.add(name)
    outer = [c.this for n, c in ctes.items() if n not in seasonal]
    read = set().union(*map(_tables, outer)) if outer else set()
    kept = {n: _kept(n, ctes) for n in ctes if n in seasonal & read}
    kept = {
        n: k for n, k in kept.items() if _parameters(k.query)
    }  # without a season there is nothing to keep it for
    for name, part in kept.items():
        ctes[name].set("this", exp.select("*").from_(part.name))
    return list(kept.values())
