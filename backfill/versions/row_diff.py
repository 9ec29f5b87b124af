"""Row diff: rows, failures and values of two versions of partitions, set by set.

A fixed number of statements per processor, for any number of dates.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from backfill.processors.registry import PROCESSORS, Processor
from backfill.statements import render
from backfill.status.change_summary import ChangeCounts
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row, Warehouse
from backfill.warehouse.tables import FAILURES
from validation.columns import FEATURES

SIDES = ("old", "new")
VALUES = "changed_values"
MOST_ENTITIES = 5_000  # of a processor; more than the entities of a date
LIVE = None  # token of the live partition


class Pair(NamedTuple):
    """Two versions of a (processor, date), by their tokens; None is the live partition."""

    processor: str
    date: date
    old: int | None
    new: int | None


class DateDiff(NamedTuple):
    """Counts of a (processor, date)."""

    processor: str
    date: date
    rows: ChangeCounts
    failures: ChangeCounts


class CategoryDiff(NamedTuple):
    """Entities whose failure of a category appeared or disappeared."""

    processor: str
    date: date
    category: str
    appeared: int
    disappeared: int


@dataclass(frozen=True, kw_only=True)
class ColumnDiff:
    """Changed values of a column, or of one element of its arrays; the first element is 1.

    `smallest`, `median` and `largest` are absolute differences, None for texts. `date`, `entity`,
    `old` and `new` are the value with the largest difference, of a text the first one.
    """

    processor: str
    column: str
    element: int
    rows: int
    smallest: float | None
    median: float | None
    largest: float | None
    date: date
    entity: str
    old: str | None
    new: str | None

    @property
    def label(self) -> str:
        """Name of the column; of an element, with its name or position."""
        if not self.element:
            return self.column
        is_named = self.column == "features" and self.element <= len(FEATURES)
        return f"{self.column}[{FEATURES[self.element - 1] if is_named else self.element}]"


class EntityDiff(NamedTuple):
    """Entity whose row or failure differs. `columns` are the names of its changed columns."""

    processor: str
    date: date
    entity: str
    kind: str
    change: str
    columns: tuple[str, ...]
    old_category: str
    new_category: str
    old_reason: str
    new_reason: str


@dataclass(frozen=True, kw_only=True)
class RowDiff:
    """Diff of pairs of versions, by processor and date. `gone` are pairs of which a version is
    missing; they are in no count.
    """

    dates: tuple[DateDiff, ...] = ()
    categories: tuple[CategoryDiff, ...] = ()
    columns: tuple[ColumnDiff, ...] = ()
    entities: tuple[EntityDiff, ...] = ()
    gone: tuple[Pair, ...] = ()


def compare(pairs: Collection[Pair], *, with_entities: bool = False) -> RowDiff:
    """Return the diff of pairs of versions, one pair per (processor, date); `with_entities` lists
    up to MOST_ENTITIES per processor. Raises WarehouseError, and Refused for a version that
    disappears during the read.
    """
    session, parts = warehouse(), list[RowDiff]()
    for code, processor in PROCESSORS.items():
        if mine := [pair for pair in pairs if pair.processor == code]:
            there = existing(session, processor, mine)
            parts.append(RowDiff(gone=tuple(pair for pair in mine if pair not in there)))
            if there:
                parts.append(_compared(session, processor, there, with_entities))
    return RowDiff(
        dates=tuple(one for part in parts for one in part.dates),
        categories=tuple(one for part in parts for one in part.categories),
        columns=tuple(one for part in parts for one in part.columns),
        entities=tuple(one for part in parts for one in part.entities),
        gone=tuple(one for part in parts for one in part.gone),
    )


def existing(session: Warehouse, processor: Processor, pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs of which both versions exist, rows and failures."""
    days, found = [pair.date for pair in pairs], list(pairs)
    for table, name in ((processor.output, ""), (FAILURES, processor.name)):
        live = session.live_tokens(table, days, name)
        kept = session.versions(table, days, name)
        tokens = {day: {LIVE, live[day]} if day in live else set[int | None]() for day in days}
        for day, versions in kept.items():
            tokens[day] |= {version.token for version in versions}
        found = [pair for pair in found if {pair.old, pair.new} <= tokens[pair.date]]
    return found


def _compared(
    session: Warehouse, processor: Processor, pairs: Sequence[Pair], with_entities: bool
) -> RowDiff:
    for side in SIDES:
        picks = {pair.date: getattr(pair, side) for pair in pairs}
        session.stage_versions(f"{side}_rows", processor.output, picks)
        session.stage_versions(f"{side}_failures", FAILURES, picks, processor.name)
    columns = tuple(c for c in processor.output.hashed if c.name not in processor.output.key)
    session.stage(
        VALUES,
        render(
            "diff-values",
            table=processor.output,
            columns=tuple(c for c in columns if not c.is_array),
            arrays=tuple(c for c in columns if c.is_array),
        ),
        {},
    )
    counts = session.query(render("diff-counts", table=processor.output))
    entities = render("diff-entities", table=processor.output, most=MOST_ENTITIES)
    return RowDiff(
        dates=tuple(_dates(processor.code, pairs, counts)),
        categories=tuple(_categories(processor.code, counts)),
        columns=tuple(
            _column(processor.code, row) for row in session.query(render("diff-columns"))
        ),
        entities=tuple(
            _entity(processor.code, row)
            for row in (session.query(entities) if with_entities else ())
        ),
    )


def _dates(code: str, pairs: Sequence[Pair], counts: Sequence[Row]) -> Iterator[DateDiff]:
    found: defaultdict[tuple[str, date], Counter[str]] = defaultdict(Counter)
    for row in counts:
        found[row["kind"], row["d"]][row["change"]] += row["n"]
    for day in sorted(pair.date for pair in pairs):
        yield DateDiff(code, day, _of(found["rows", day]), _of(found["failures", day]))


def _of(counts: Mapping[str, int]) -> ChangeCounts:
    return ChangeCounts(**{name: counts.get(name, 0) for name in ChangeCounts._fields})


def _categories(code: str, counts: Sequence[Row]) -> Iterator[CategoryDiff]:
    appeared, disappeared = Counter[tuple[date, str]](), Counter[tuple[date, str]]()
    for row in counts:
        if row["old_category"] != row["new_category"]:
            appeared[row["d"], row["new_category"]] += row["n"]
            disappeared[row["d"], row["old_category"]] += row["n"]
    for day, name in sorted({*appeared, *disappeared}):
        if name:
            yield CategoryDiff(code, day, name, appeared[day, name], disappeared[day, name])


def _column(code: str, row: Row) -> ColumnDiff:
    return ColumnDiff(
        processor=code,
        column=row["name"],
        element=row["element"],
        rows=row["n"],
        smallest=row["smallest"],
        median=row["median"],
        largest=row["largest"],
        date=row["d"],
        entity=row["entity"],
        old=row["old_text"],
        new=row["new_text"],
    )


def _entity(code: str, row: Row) -> EntityDiff:
    row = {**row, "processor": code, "date": row["d"], "columns": tuple(row["columns"].split())}
    return EntityDiff(*(row[name] for name in EntityDiff._fields))
