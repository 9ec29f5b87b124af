"""Changes of a write: the staged rows and failures of a step against those that they replace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from backfill.processors import render
from backfill.processors.registry import Processor
from backfill.warehouse.port import Params, Warehouse
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES

OLD_OUTPUT, OLD_FAILURES = "old_output", "old_failures"
COUNTS = ("added", "removed", "changed", "unchanged")


@dataclass(frozen=True)
class Replaced:
    """Content that a write replaces on one date: the token of its version, and `changes`, the counts
    of rows and of failures by COUNTS; empty if it cannot be compared.
    """

    token: int
    changes: Mapping[str, Sequence[int]]


def replaced(
    warehouse: Warehouse, processor: Processor, params: Params, recorded: Mapping[date, int]
) -> dict[date, Replaced]:
    """Return what the staged rows replace, for the dates that have a partition.

    `recorded` has the token of the newest recorded run of each date, 0 for one without. An
    unrecorded attempt may have written over that run's rows; they are a version then. Raises
    WarehouseError.
    """
    days = cast("Sequence[date]", params["dates"])
    of_output = _Picked.of(warehouse, processor.output, days, recorded)
    if not of_output.picks:
        return {}
    of_failures = _Picked.of(warehouse, FAILURES, days, recorded, processor.name)
    counts = _counts(warehouse, processor, params, of_output, of_failures)
    unknown = of_output.unknown | of_failures.unknown
    return {
        day: Replaced(
            of_output.tokens[day],
            {} if day in unknown else _of_date(day, counts),
        )
        for day in of_output.picks
    }


KINDS = ("rows", "failures")
CONTEXT = "context"  # its only count: unchanged rows and failures with another context
NONE = (0, 0, 0, 0)


def _of_date(
    day: date, counts: Mapping[tuple[str, date], Sequence[int]]
) -> dict[str, Sequence[int]]:
    found = {kind: counts.get((kind, day), NONE) for kind in KINDS}
    return found | ({CONTEXT: counts[CONTEXT, day]} if (CONTEXT, day) in counts else {})


@dataclass(frozen=True, kw_only=True)
class _Picked:
    """Versions to compare with: None for the live partition. `unknown` are dates whose recorded
    version is gone; they are compared with nothing.
    """

    picks: Mapping[date, int | None]
    tokens: Mapping[date, int]
    unknown: frozenset[date]

    @classmethod
    def of(
        cls,
        warehouse: Warehouse,
        table: Table,
        days: Sequence[date],
        recorded: Mapping[date, int],
        name: str = "",
    ) -> _Picked:
        live = warehouse.live_tokens(table, days, name)
        written_over = [
            day for day, token in live.items() if recorded.get(day, 0) not in (0, token)
        ]
        kept = warehouse.versions(table, written_over, name) if written_over else {}
        picks: dict[date, int | None] = dict.fromkeys(live)
        for day in written_over:
            if any(version.token == recorded[day] for version in kept.get(day, ())):
                picks[day] = recorded[day]
        unknown = {day for day in written_over if picks[day] is None}
        tokens = {day: live[day] if token is None else token for day, token in picks.items()}
        return cls(picks=picks, tokens=tokens, unknown=frozenset(unknown))

    @property
    def is_live(self) -> bool:
        return not any(token is not None for token in self.picks.values())


def _counts(
    warehouse: Warehouse,
    processor: Processor,
    params: Params,
    output: _Picked,
    failures: _Picked,
) -> dict[tuple[str, date], Sequence[int]]:
    old = {}
    if not output.is_live:
        warehouse.stage_versions(OLD_OUTPUT, processor.output, output.picks)
        old["old_output"] = OLD_OUTPUT
    if not failures.is_live:
        warehouse.stage_versions(OLD_FAILURES, FAILURES, failures.picks, processor.name)
        old["old_failures"] = OLD_FAILURES
    rows = warehouse.query(render.changes(processor.code, old), params)
    found: dict[tuple[str, date], Sequence[int]] = {
        (r["kind"], r["d"]): tuple(r[name] for name in COUNTS) for r in rows
    }
    contexts = Counter[date]()
    for r in rows:
        contexts[r["d"]] += r["context"]
    return found | {(CONTEXT, day): (n,) for day, n in contexts.items() if n}
