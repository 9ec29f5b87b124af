"""What is wrong with Phase 3 in, Findings out: dates without rows or with few, games twice, values
that cannot be true.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from validation.coverage import Coverage
from validation.expectation import CODES, ML, PCF, PDC, PSZA, TDZA
from validation.findings import kinds
from validation.findings.content import Jump, Violation
from validation.findings.kinds import (
    FindingDraft,
    ProposedBackfill,
    format_date_ranges,
    pluralize,
    ranges,
)
from validation.findings.mismatches import SAMPLE, AuditedSeason, Key, rerun_action
from validation.source_rows import SourceRow
from validation.thresholds import percent

RUN_PHASE3 = "run Phase 3 for {} and load it with `manage.py load_phase3 DIR`"
MEND = "mend {} in Phase 3 and load it with `manage.py load_phase3 DIR`"


@dataclass(frozen=True, kw_only=True)
class BugGroup:
    """Failures of a bug's category, or errors of runs, that have one normalised text; `texts`
    counts them as they are.

    `rows` are the keys of the rows of Phase 3 that are to blame.
    """

    id: str
    what: str
    keys: frozenset[Key]
    count: int
    texts: Mapping[str, int] = field(default_factory=dict)
    is_of_source: bool = False  # a row of Phase 3 is to blame
    rows: tuple[SourceRow, ...] = ()


def missing(
    season: AuditedSeason, coverage: Sequence[Coverage], following: Mapping[date, int]
) -> Iterator[FindingDraft]:
    """Dates with games and without rows. `following` is how many later failures the games of a date
    would have prevented.
    """
    tables: dict[date, list[str]] = defaultdict(list)
    for found in coverage:
        if found.is_missing:
            tables[found.date].append(found.table)
    every = {found.table for found in coverage}
    for dates in _with_same_tables(tables, season):
        names, later = tables[dates[0]], sum(following.get(day, 0) for day in dates)
        is_all = set(names) == every
        who = "no Phase 3 table has a row" if is_all else f"no row in {', '.join(names)}"
        after = f"; {later:,} failures on later dates follow from it" if later else ""
        cause = (
            "Phase 3 has not run for it"
            if is_all
            else "the other tables are there: a file comes late or was lost"
        )
        yield _about_dates(
            kinds.PHASE3_MISSING,
            season,
            dates,
            f"{format_date_ranges(dates, season.dates)}: {who}, and games were played{after}",
            cause,
            names,
            {"tables": names, "failures on later dates": later},
        )


def low(
    season: AuditedSeason, coverage: Iterable[Coverage], following: Mapping[date, int]
) -> Iterator[FindingDraft]:
    """Dates with fewer rows than their games imply."""
    by_date: dict[date, list[Coverage]] = defaultdict(list)
    for found in coverage:
        if found.rows and found.is_low:
            by_date[found.date].append(found)
    for dates in _with_same_tables(
        {day: [c.table for c in lows] for day, lows in by_date.items()}, season
    ):
        names = [c.table for c in by_date[dates[0]]]
        rows = {
            name: sum(c.rows for day in dates for c in by_date[day] if c.table == name)
            for name in names
        }
        wanted = {
            name: sum(c.expected for day in dates for c in by_date[day] if c.table == name)
            for name in names
        }
        texts = [
            f"{n} has {rows[n]:,} of about {wanted[n]:,.0f} rows ({int(100 * rows[n] / wanted[n])} %)"
            for n in names
        ]
        yield _about_dates(
            kinds.LOW_COVERAGE,
            season,
            dates,
            f"{format_date_ranges(dates, season.dates)}: {'; '.join(texts)}",
            "",
            names,
            {
                "rows": rows,
                "expected": {name: round(n) for name, n in wanted.items()},
                "failures on later dates": sum(following.get(day, 0) for day in dates),
            },
        )


def _with_same_tables(
    tables: Mapping[date, Sequence[str]], season: AuditedSeason
) -> Iterator[list[date]]:
    """Neighbouring dates that lack the same tables."""
    by_tables: dict[tuple[str, ...], list[date]] = defaultdict(list)
    for day, names in tables.items():
        by_tables[tuple(names)].append(day)
    for days in by_tables.values():
        yield from ranges(days, season.dates)


def _about_dates(
    kind: kinds.FindingKind, season: AuditedSeason, dates: Sequence[date], sentence: str, cause: str, names: Sequence[str],
    numbers: Mapping[str, object],
) -> FindingDraft:  # fmt: skip
    first = RUN_PHASE3.format(format_date_ranges(dates, season.dates))
    action = ProposedBackfill(dates[0], max(season.last, dates[-1]), outdated=True, first=first)
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


def twice(season: AuditedSeason, rows: Mapping[tuple[str, date], int]) -> Iterator[FindingDraft]:
    """Games that Phase 3 holds more than once: per (table, date) the rows too many. One Finding per
    range of dates.
    """
    days = {day for (_, day), n in rows.items() if n}
    for dates in ranges(days, season.dates):
        by_table = Counter({table: 0 for table, _ in rows})
        for (table, day), n in rows.items():
            if day in dates:
                by_table[table] += n
        counts = {table: n for table, n in sorted(by_table.items()) if n}
        texts = ", ".join(f"{pluralize(n, 'row')} of {table}" for table, n in counts.items())
        sentence = (
            f"{format_date_ranges(dates, season.dates)}: {texts} are a game that is there already"
        )
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
    """Every group of bug-class failures: of the code, or of a source row that cannot be true."""
    for group in groups:
        kind = kinds.IMPOSSIBLE_VALUE if group.is_of_source else kinds.BUG
        sample, dates = (
            max(group.texts, key=lambda text: (group.texts[text], text)),
            {day for _, day in group.keys},
        )
        others = f" and {len(group.texts) - 1} more texts like it" if len(group.texts) > 1 else ""
        unit = "failures" if group.is_of_source else "runs or entities"
        row = f"the row of {group.rows[0]}" if group.rows else "the row"
        action = (
            rerun_action(group.keys, outdated=True, first=MEND.format(row))
            if group.is_of_source
            else rerun_action(group.keys)
        )
        yield season.found(
            kind,
            group.keys,
            group.id,
            f"{group.count:,} {unit} {group.what}: {sample}{others}, {season.spans(group.keys)}",
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


def jumps(season: AuditedSeason, found: Iterable[Jump]) -> Iterator[FindingDraft]:
    """Columns whose NULL, zero or constant share jumped."""
    for jump in found:
        columns = ", ".join(jump.columns)
        sentence = (
            f"{jump.table}: {columns} {'is' if len(jump.columns) == 1 else 'are'} {jump.what} in {percent(jump.share)} of "
            f"the rows ({format_date_ranges(jump.dates, season.dates)}), before it {percent(jump.reference)}"
        )
        is_output = jump.table in CODES
        first = f"mend the statement of {jump.table}" if is_output else MEND.format(columns)
        action = ProposedBackfill(
            jump.dates[0], max(season.last, jump.dates[-1]), outdated=True, first=first
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
    """Output older than its input: what is made from games that changed, and what from its own
    date's context rows.

    `explained` is how many failures of these are other than the games say now.
    """
    if keys := set(windows):
        first = min(day for _, day in keys)
        before = [day for day in season.dates if day < first]
        repaired = f"a date up to {before[-1]}" if before else "a date before"
        others = (
            f"; {explained:,} of their failures are no longer what the games say"
            if explained
            else ""
        )
        yield season.found(
            kinds.FORWARD_CASCADE,
            keys,
            "",
            f"games of {repaired} have changed since {pluralize(len(keys), 'run')} read them, "
            f"{season.spans(keys)}{others}",
            count=len(keys),
            action=ProposedBackfill(first, max(d for _, d in keys), outdated=True),
            numbers={"runs": len(keys), "repaired": repaired, "failures that changed": explained},
        )
    if keys := set(context) - keys:
        sentence = f"the context rows of {pluralize(len(keys), 'run')} have changed since, {season.spans(keys)}"
        yield season.found(
            kinds.STALE_INPUT,
            keys,
            "",
            sentence,
            count=len(keys),
            action=ProposedBackfill(
                min(d for _, d in keys), max(d for _, d in keys), outdated=True
            ),
            numbers={"runs": len(keys)},
        )


# Whose rows each processor's rows are made from: where those are wrong, these only follow.
MADE_FROM = {PCF: (TDZA, PSZA), PDC: (PSZA,), ML: (TDZA, PSZA, PCF, PDC)}


def violations(season: AuditedSeason, found: Iterable[Violation]) -> Iterator[FindingDraft]:
    """Rows whose numbers break an invariant, or are not what their sources make. What follows from
    another's is left out.
    """
    told = [
        violation
        for violation in found
        if (violation.processor, violation.date) not in season.stale
    ]
    wrong = {(v.processor, v.date) for v in told} | {
        key for key, compared in season.compared.items() if not compared.is_exact
    }
    by_check: dict[tuple[str, str], list[Violation]] = defaultdict(list)
    for v in told:
        if not any((before, v.date) in wrong for before in MADE_FROM.get(v.processor, ())):
            by_check[v.processor, v.check].append(v)
    for (code, check), broken in sorted(by_check.items()):
        keys, count = [(code, v.date) for v in broken], sum(v.count for v in broken)
        sentence = f"{code}: {broken[0].sentence}: {pluralize(count, 'row')}, {season.spans(keys)}; for example {broken[0].sample}"
        yield season.found(
            kinds.WRONG_CONTENT,
            keys,
            f"{code} {check}",
            sentence,
            count=count,
            action=rerun_action(keys, force=True),
            numbers={"rows": count, "check": check, "sample": broken[0].sample},
        )
