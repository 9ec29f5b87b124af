"""Findings about Phase 3: missing or few rows, duplicate games, impossible values, stale output."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from validation.coverage import Coverage
from validation.findings import kinds
from validation.findings.content import Jump
from validation.findings.kinds import (
    FindingDraft,
    ProposedBackfill,
    format_date_ranges,
    pluralize,
    ranges,
)
from validation.findings.mismatches import SAMPLE, AuditedSeason, Key, rerun_action
from validation.processor_rules import CODES
from validation.season import PostponedGame, postponed_text
from validation.source_rows import SourceRow
from validation.thresholds import percent

RUN_PHASE3 = "run Phase 3 for {} and load it with `manage.py load_phase3 DIR`"
FIX = "fix {} in Phase 3 and load it with `manage.py load_phase3 DIR`"


@dataclass(frozen=True, kw_only=True)
class BugGroup:
    """Failures of a bug's category, or errors of runs, with the same normalized text.

    `texts` counts the original texts. `rows` are the keys of the Phase 3 rows that cause them.
    """

    id: str
    what: str
    keys: frozenset[Key]
    count: int
    texts: Mapping[str, int] = field(default_factory=dict)
    is_of_source: bool = False  # caused by a Phase 3 row
    rows: tuple[SourceRow, ...] = ()


def missing(
    season: AuditedSeason, coverage: Sequence[Coverage], following: Mapping[date, int]
) -> Iterator[FindingDraft]:
    """Yield dates with games and without rows. `following` counts the later failures that the
    games of a date would have prevented.
    """
    tables: dict[date, list[str]] = defaultdict(list)
    for cell in coverage:
        if cell.is_missing:
            tables[cell.date].append(cell.table)
    every = {cell.table for cell in coverage}
    for dates in _with_same_tables(tables, season):
        names, later = tables[dates[0]], sum(following.get(day, 0) for day in dates)
        is_all = set(names) == every
        where = "any Phase 3 table" if is_all else ", ".join(names)
        after = _later(later)
        cause = (
            f"Phase 3 has not run for {'these dates' if len(dates) > 1 else 'this date'}"
            if is_all
            else "the other tables have rows: a file is late or was lost"
        )
        yield _about_dates(
            kinds.PHASE3_MISSING,
            season,
            dates,
            f"{format_date_ranges(dates, season.dates)}: games played, "
            f"but no rows in {where}{after}",
            cause=cause,
            names=names,
            numbers={"tables": names, "failures on later dates": later},
        )


def unfinished(season: AuditedSeason, writes: Mapping[str, str]) -> Iterator[FindingDraft]:
    """Yield interrupted loads and copies; `writes` has the advice of each."""
    for sentence, advice in writes.items():
        yield FindingDraft(
            kind=kinds.UNFINISHED_LOAD,
            season=season.year,
            subject=sentence.partition(" interrupted")[0],
            sentence=f"{sentence}; {advice}",
            dates=season.dates,
            count=1,
        )


def low(
    season: AuditedSeason, coverage: Iterable[Coverage], following: Mapping[date, int]
) -> Iterator[FindingDraft]:
    """Yield dates with fewer rows than their games imply."""
    by_date: dict[date, list[Coverage]] = defaultdict(list)
    for cell in coverage:
        if cell.rows and cell.is_low:
            by_date[cell.date].append(cell)
    for dates in _with_same_tables(
        {day: [c.table for c in lows] for day, lows in by_date.items()}, season
    ):
        names = [c.table for c in by_date[dates[0]]]
        rows = {
            name: sum(c.rows for day in dates for c in by_date[day] if c.table == name)
            for name in names
        }
        expected = {
            name: sum(c.expected for day in dates for c in by_date[day] if c.table == name)
            for name in names
        }
        later = sum(following.get(day, 0) for day in dates)
        texts = [
            f"{n} has {rows[n]:,} of about {pluralize(round(expected[n]), 'row')} "
            f"({int(100 * rows[n] / expected[n])} %)"
            for n in names
        ]
        yield _about_dates(
            kinds.LOW_COVERAGE,
            season,
            dates,
            f"{format_date_ranges(dates, season.dates)}: {'; '.join(texts)}{_later(later)}",
            cause="",
            names=names,
            numbers={
                "rows": rows,
                "expected": {name: round(n) for name, n in expected.items()},
                "failures on later dates": later,
            },
        )


def _later(failures: int) -> str:
    return f"; causes about {pluralize(failures, 'failure')} on later dates" if failures else ""


def _with_same_tables(
    tables: Mapping[date, Sequence[str]], season: AuditedSeason
) -> Iterator[list[date]]:
    """Yield groups of consecutive dates with the same missing tables."""
    by_tables: dict[tuple[str, ...], list[date]] = defaultdict(list)
    for day, names in tables.items():
        by_tables[tuple(names)].append(day)
    for days in by_tables.values():
        yield from ranges(days, season.dates)


def _about_dates(
    kind: kinds.FindingKind, season: AuditedSeason, dates: Sequence[date], sentence: str, *,
    cause: str, names: Sequence[str], numbers: Mapping[str, object],
) -> FindingDraft:  # fmt: skip
    first = RUN_PHASE3.format(format_date_ranges(dates, season.dates))
    action = ProposedBackfill(
        start=dates[0], end=max(season.last, dates[-1]), outdated=True, first=first
    )
    subject = f"{dates[0]} {' '.join(sorted(names))}"
    return FindingDraft(
        kind=kind,
        season=season.year,
        subject=subject,
        sentence=sentence,
        dates=tuple(dates),
        count=len(dates),
        cause=cause,
        numbers=numbers,
        evidence={"tables": list(names)},
        action=action,
    )


def postponed(season: AuditedSeason, games: Sequence[PostponedGame]) -> Iterator[FindingDraft]:
    """Yield one note about all games that the schedule lists on several dates."""
    if games:
        yield FindingDraft(
            kind=kinds.POSTPONED,
            season=season.year,
            subject="",
            sentence=postponed_text(games),
            dates=tuple(sorted({day for game in games for day in game.dates})),
            count=len(games),
            evidence={"games": [game.game_id for game in games]},
        )


def twice(season: AuditedSeason, rows: Mapping[tuple[str, date], int]) -> Iterator[FindingDraft]:
    """Yield duplicate games of Phase 3, one Finding per range of dates.

    `rows` counts the surplus rows per (table, date).
    """
    days = {day for (_, day), n in rows.items() if n}
    for dates in ranges(days, season.dates):
        by_table = Counter({table: 0 for table, _ in rows})
        for (table, day), n in rows.items():
            if day in dates:
                by_table[table] += n
        counts = {table: n for table, n in sorted(by_table.items()) if n}
        texts = ", ".join(f"{pluralize(n, 'duplicate row')} in {t}" for t, n in counts.items())
        sentence = f"{format_date_ranges(dates, season.dates)}: {texts}"
        yield FindingDraft(
            kind=kinds.DUPLICATE_INPUT,
            season=season.year,
            subject=f"{dates[0]}",
            sentence=sentence,
            dates=tuple(dates),
            count=sum(counts.values()),
            numbers={"rows too many": counts},
            evidence={"tables": list(counts)},
        )


def bugs(season: AuditedSeason, groups: Iterable[BugGroup]) -> Iterator[FindingDraft]:
    """Yield groups of bug failures, caused by the code or by an impossible source value."""
    for group in groups:
        kind = kinds.IMPOSSIBLE_VALUE if group.is_of_source else kinds.BUG
        sample, dates = (
            max(group.texts, key=lambda text: (group.texts[text], text)),
            {day for _, day in group.keys},
        )
        similar = pluralize(len(group.texts) - 1, "similar text")
        others = f" and {similar}" if len(group.texts) > 1 else ""
        row = f"the row of {group.rows[0]}" if group.rows else "the row"
        names = dict.fromkeys(row.entity for row in group.rows)
        by = f" by a row of {next(iter(names))}" if len(names) == 1 else ""
        action = (
            rerun_action(group.keys, outdated=True, first=FIX.format(row))
            if group.is_of_source
            else rerun_action(group.keys)
        )
        yield season.found(
            kind,
            group.keys,
            group.id,
            f"{pluralize(group.count, f'{group.what} failure')}{by}: {sample}{others}, "
            f"{season.spans(group.keys)}",
            count=group.count,
            action=action,
            numbers={
                "failures": group.count,
                "dates": len(dates),
                "texts": sorted(group.texts)[:SAMPLE],
            }
            | ({"sample": [str(row) for row in group.rows[:SAMPLE]]} if group.rows else {}),
            evidence={"rows": [_key(row) for row in group.rows[:SAMPLE]]} if group.rows else {},
        )


def _key(row: SourceRow) -> dict[str, str]:
    return {"table": row.table, "entity": row.entity, "date": str(row.day), "game_id": row.game_id}


def jumps(season: AuditedSeason, changes: Iterable[Jump]) -> Iterator[FindingDraft]:
    """Yield columns whose share of NULL, zero or constant values jumped."""
    for jump in changes:
        columns = ", ".join(jump.columns)
        verb, dates = "is" if len(jump.columns) == 1 else "are", jump.dates
        sentence = (
            f"{jump.table}: {columns} {verb} {jump.what} in {percent(jump.share)} of rows "
            f"(was {percent(jump.reference)}), {format_date_ranges(dates, season.dates)}"
        )
        is_output = jump.table in CODES
        first = f"fix the SQL of {jump.table}" if is_output else FIX.format(columns)
        action = ProposedBackfill(
            start=jump.dates[0], end=max(season.last, jump.dates[-1]), outdated=True, first=first
        )
        yield FindingDraft(
            kind=kinds.COLUMN_JUMP,
            season=season.year,
            subject=f"{jump.table} {jump.columns[0]} {jump.what} {jump.dates[0]}",
            sentence=sentence,
            dates=tuple(jump.dates),
            processors=(jump.table,) if is_output else (),
            count=len(jump.dates),
            cause=jump.cause,
            numbers={"share": round(jump.share, 4), "before": round(jump.reference, 4)},
            evidence={"table": jump.table, "columns": list(jump.columns)},
            action=action,
        )


def stale(
    season: AuditedSeason, windows: Iterable[Key], context: Iterable[Key], explained: int
) -> Iterator[FindingDraft]:
    """Yield stale output: `windows` read games that changed, `context` context rows that changed.

    `explained` counts the failures of these runs that differ from the current expectation.
    """
    if keys := set(windows):
        first = min(day for _, day in keys)
        before = [day for day in season.dates if day < first]
        repaired = f"a date up to {before[-1]}" if before else "an earlier date"
        failures = pluralize(explained, "failure")
        verb = "differs" if explained == 1 else "differ"
        others = f"; {failures} of these runs {verb} from the expectation" if explained else ""
        yield season.found(
            kinds.FORWARD_CASCADE,
            keys,
            "",
            f"{pluralize(len(keys), 'stale run')}: games of {repaired} changed after the runs, "
            f"{season.spans(keys)}{others}",
            count=len(keys),
            action=ProposedBackfill(start=first, end=max(d for _, d in keys), outdated=True),
            numbers={"runs": len(keys), "repaired": repaired, "failures that changed": explained},
        )
    if keys := set(context) - keys:
        count = pluralize(len(keys), "stale run")
        sentence = f"{count}: context rows changed after the runs, {season.spans(keys)}"
        yield season.found(
            kinds.STALE_INPUT,
            keys,
            "",
            sentence,
            count=len(keys),
            action=ProposedBackfill(
                start=min(d for _, d in keys), end=max(d for _, d in keys), outdated=True
            ),
            numbers={"runs": len(keys)},
        )
