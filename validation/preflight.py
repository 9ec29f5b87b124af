"""Preflight: blockers, warnings and notes of a backfill, derived from plain facts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain

from validation.coverage import GAME_TABLES, LIVE_TABLES, Coverage, Rows, phase3
from validation.findings.inputs import RELOAD, unexplained
from validation.findings.kinds import Severity, pluralize
from validation.inputs.differences import SCHEDULE
from validation.inputs.problem import InputProblem, full_name, table_names
from validation.preflight_report import DateState, Item, PreflightKind, Report
from validation.season import Day, PostponedGame, postponed_text

FIRST_DATES = 5
LOAD = "load it with `manage.py load_phase3 DIR`"


@dataclass(frozen=True, kw_only=True)
class PreflightInput:
    """Facts before a start.

    `asked` has the computed dates of the range, which must have rows. `season` has all dates with
    games of the seasons of the range, `rows` their rows per (table, date), `reads` the tables that
    the selected processors read. Per processor, `output` has the dates with output and `replaced`
    the dates that will run. `held` is the message about a conflicting job.
    """

    days: Sequence[Day]
    asked: Collection[date]
    season: Sequence[Day]
    rows: Rows
    reads: Collection[str] = tuple(GAME_TABLES)
    live: bool = False
    not_final: Mapping[date, int] = field(default_factory=dict)
    output: Mapping[str, Collection[date]] = field(default_factory=dict)
    replaced: Mapping[str, Collection[date]] = field(default_factory=dict)
    not_loaded: Sequence[str] = ()
    held: str = ""
    expiring: Mapping[str, int] = field(default_factory=dict)
    unfinished: Mapping[str, str] = field(default_factory=dict)  # loads, each with its advice
    contradictions: Sequence[str] = ()  # of the schedule
    postponed: Sequence[PostponedGame] = ()
    problems: Sequence[InputProblem] = ()  # tables that contradict each other


def judge(facts: PreflightInput) -> Report:
    """Return the preflight report: the items, and the state of each date of the range."""
    coverage: dict[date, list[Coverage]] = {}
    for cell in chain.from_iterable(phase3(days, facts.rows) for days in _by_season(facts.season)):
        if cell.table in LIVE_TABLES or not facts.live:
            coverage.setdefault(cell.date, []).append(cell)
    asked = [cell for day in sorted(facts.asked) for cell in coverage.get(day, ())]
    items = chain(
        _no_dates(facts), _schedule(facts), _held(facts), _unfinished(facts), _expiry(facts),
        map(_incomplete, (c for c in asked if c.is_missing)),
        map(_incomplete, (c for c in unexplained(asked, facts.problems) if _is_short(c))),
        _contradictions(facts),
        *(_short_windows(facts, days) for days in _by_season(facts.season)),
        _postponed(facts), _output(facts),
    )  # fmt: skip
    return Report(tuple(_state(day, facts, coverage) for day in facts.days), tuple(items))


def _is_short(cell: Coverage) -> bool:
    return cell.is_low and not cell.is_missing


def _by_season(days: Sequence[Day]) -> list[list[Day]]:
    by_year: dict[int, list[Day]] = {}
    for day in days:
        by_year.setdefault(day.season, []).append(day)
    return list(by_year.values())


def _state(
    day: Day, facts: PreflightInput, coverage: Mapping[date, Sequence[Coverage]]
) -> DateState:
    # The partitions of a bootstrap date exist and are empty.
    output = tuple(
        code for code, dates in facts.output.items() if day.day in dates and day.is_computed
    )
    return DateState(
        day=day,
        coverage=tuple(coverage.get(day.day, ())),
        output=output,
        not_final=facts.not_final.get(day.day, 0),
    )


# The items


def seasons_missing(seasons: Sequence[str]) -> Item:
    """Return the blocker for seasons whose Phase 3 is not loaded."""
    advice = f"{LOAD}, or simulate it with `manage.py simulate_season YEAR`"
    return Item(
        kind=PreflightKind.NOT_LOADED,
        sentence=f"no Phase 3 data for the season{'s' * (len(seasons) > 1)} {', '.join(seasons)}",
        advice=advice,
    )


def nothing_to_run(dates: Sequence[date]) -> Item:
    """Return the blocker for dates, in order, without a final game in the schedule."""
    first, last = dates[0], dates[-1]
    where = f"between {first} and {last}" if last > first else f"on {first}"
    if len(dates) <= (last - first).days:
        where = f"on any of {pluralize(len(dates), 'date')} from {first} to {last}"
    return Item(
        kind=PreflightKind.NOTHING_TO_RUN, sentence=f"no games {where}, so nothing to backfill"
    )


def known_bug(finding: int, day: date) -> Item:
    """Return the warning about an open finding that can pause a job."""
    return Item(
        kind=PreflightKind.KNOWN_BUG,
        sentence=f"open finding {finding} (impossible value) can pause this job on {day}",
        advice="fix the source row first, or turn off canary and pause on error",
        dates=(day,),
    )


def _no_dates(facts: PreflightInput) -> Iterator[Item]:
    if facts.not_loaded:
        yield seasons_missing(facts.not_loaded)
    elif facts.days and not any(day.is_processing for day in facts.days):
        yield nothing_to_run([day.day for day in facts.days])


def _schedule(facts: PreflightInput) -> Iterator[Item]:
    for sentence in facts.contradictions:
        yield Item(kind=PreflightKind.SCHEDULE, sentence=sentence)


def _postponed(facts: PreflightInput) -> Iterator[Item]:
    if games := facts.postponed:
        dates = tuple(sorted({day for game in games for day in game.dates}))
        numbers = {"games": len(games)}
        sentence = postponed_text(games)
        yield Item(kind=PreflightKind.POSTPONED, sentence=sentence, dates=dates, numbers=numbers)


def _held(facts: PreflightInput) -> Iterator[Item]:
    if facts.held:
        yield Item(kind=PreflightKind.HELD, sentence=facts.held)


def _unfinished(facts: PreflightInput) -> Iterator[Item]:
    for sentence, advice in facts.unfinished.items():
        yield Item(kind=PreflightKind.UNFINISHED, sentence=sentence, advice=advice)


def _expiry(facts: PreflightInput) -> Iterator[Item]:
    for table, days in facts.expiring.items():
        after = pluralize(days, "day")
        sentence = f"partitions of {table} expire after {after}, which deletes older dates"
        alter = f"ALTER TABLE {table} SET OPTIONS (partition_expiration_days = NULL)"
        advice = f"turn off the expiration with `{alter}`"
        yield Item(
            kind=PreflightKind.EXPIRY,
            sentence=sentence,
            advice=advice,
            tables=(table,),
            numbers={"days": days},
        )


def _incomplete(cell: Coverage) -> Item:
    kind = PreflightKind.NO_ROWS if cell.is_missing else PreflightKind.FEW_ROWS
    numbers = {"games": cell.games, "rows": cell.rows, "expected": round(cell.expected, 1)}
    return Item(
        kind=kind,
        sentence=str(cell),
        advice=_run_phase3((cell.date,)),
        dates=(cell.date,),
        tables=(cell.table,),
        numbers=numbers,
    )


def _contradictions(facts: PreflightInput) -> Iterator[Item]:
    """Yield warnings for tables that are read and contradict each other up to the last date."""
    last = max(facts.asked, default=date.min)
    for problem in facts.problems:
        tables = tuple(full_name(table) for table in problem.tables)
        is_read = bool({*tables} & {*facts.reads, full_name(SCHEDULE)})
        if problem.weight > Severity.NOTE and is_read and problem.dates[0] <= last:
            yield Item(
                kind=PreflightKind.CONTRADICTION,
                sentence=f"{problem.kind.name}: {problem.sentence}",
                advice=RELOAD.format(table_names(problem.tables)),
                dates=problem.dates,
                tables=tables,
                numbers={"rows": problem.rows},
            )


def _short_windows(facts: PreflightInput, season: Sequence[Day]) -> Iterator[Item]:
    """Yield warnings for dates without rows that are not computed, but part of later windows."""
    last = max((day.day for day in season if day.day in facts.asked), default=date.min)
    before = [day for day in season if day.day < last and day.day not in facts.asked]
    alike: dict[tuple[Day, ...], list[str]] = {}
    for table in sorted(GAME_TABLES & set(facts.reads)):
        missing = tuple(day for day in before if not facts.rows.get((table, day.day)))
        alike.setdefault(missing, []).append(table)
    for days, tables in alike.items():
        if days:
            yield _short_of(days, tuple(tables))


def _short_of(days: Sequence[Day], tables: tuple[str, ...]) -> Item:
    dates, games = tuple(day.day for day in days), sum(day.games for day in days)
    have = "game has" if games == 1 else "games have"
    sentence = (
        f"{_listed(dates)}: {games:,} {have} no rows in {', '.join(tables)}; later dates are "
        f"computed without {'it' if games == 1 else 'them'}"
    )
    return Item(
        kind=PreflightKind.SHORT_WINDOWS,
        sentence=sentence,
        advice=_run_phase3(dates),
        dates=dates,
        tables=tables,
        numbers={"games": games},
    )


def _output(facts: PreflightInput) -> Iterator[Item]:
    computed = {day.day for day in facts.days if day.is_computed}
    for code, dates in facts.output.items():
        if existing := computed & set(dates):
            replaced = existing & set(facts.replaced.get(code, ()))
            of_dates = f"{len(existing)} of {pluralize(len(computed), 'date')}"
            fate = _fate(len(existing), len(replaced))
            sentence = f"{code}: output exists for {of_dates} and will be {fate}"
            numbers = {"dates": len(computed), "existing": len(existing), "replaced": len(replaced)}
            yield Item(
                kind=PreflightKind.OUTPUT,
                sentence=sentence,
                dates=tuple(sorted(existing)),
                numbers=numbers,
            )


def _fate(existing: int, replaced: int) -> str:
    if not replaced:
        return "kept"
    return "replaced" + (f" on {pluralize(replaced, 'date')}" if replaced < existing else "")


def _run_phase3(dates: Sequence[date]) -> str:
    return f"run Phase 3 for {_listed(dates)}, then {LOAD}"


def _listed(dates: Sequence[date]) -> str:
    more = pluralize(len(dates) - FIRST_DATES, "more date")
    shown = ", ".join(map(str, dates[:FIRST_DATES]))
    return f"{shown} and {more}" if len(dates) > FIRST_DATES else shown
