"""Facts in, a report out: may a backfill start, what blocks it, and what had better be known
before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain

from validation.coverage import GAME_TABLES, LIVE_TABLES, Coverage, Rows, phase3
from validation.preflight_report import DateState, Item, PreflightKind, Report
from validation.season import Day, season_year

FIRST_DATES = 5
LOAD = "load it with `manage.py load_phase3 DIR`"


@dataclass(frozen=True)
class PreflightInput:
    """What is known before a start.

    `asked` are the dates whose own rows must be there: those of the range that are to be computed.
    `season` are all dates
    with games of the seasons of the range, and `rows` theirs per (table, date); `reads` the tables
    that the chosen
    processors read. `output` and `replaced` have, per processor, the dates with output and those
    that are run.
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


def judge(facts: PreflightInput) -> Report:
    """What of these facts blocks a start, warns of it, or is told; and the state of each date of
    the range.
    """
    coverage: dict[date, list[Coverage]] = {}
    for found in chain.from_iterable(phase3(days, facts.rows) for days in _by_season(facts.season)):
        if found.table in LIVE_TABLES or not facts.live:
            coverage.setdefault(found.date, []).append(found)
    asked = [found for day in sorted(facts.asked) for found in coverage.get(day, ())]
    items = chain(
        _no_dates(facts), _held(facts), _expiry(facts),
        map(_lacking, (c for c in asked if c.is_missing)),
        map(_lacking, (c for c in asked if c.is_low and not c.is_missing)),
        *(_short_windows(facts, days) for days in _by_season(facts.season)),
        _output(facts),
    )  # fmt: skip
    return Report(tuple(_state(day, facts, coverage) for day in facts.days), tuple(items))


def _by_season(days: Sequence[Day]) -> list[list[Day]]:
    found: dict[int, list[Day]] = {}
    for day in days:
        found.setdefault(season_year(day.day), []).append(day)
    return list(found.values())


def _state(
    day: Day, facts: PreflightInput, coverage: Mapping[date, Sequence[Coverage]]
) -> DateState:
    # The partitions of a bootstrap date are there and empty.
    output = tuple(
        code for code, dates in facts.output.items() if day.day in dates and day.is_computed
    )
    return DateState(day, tuple(coverage.get(day.day, ())), output, facts.not_final.get(day.day, 0))


# The items


def seasons_missing(seasons: Sequence[str]) -> Item:
    """These seasons are wanted, and Phase 3 of them is not there."""
    advice = f"{LOAD}, or make one up with `manage.py simulate_season YEAR`"
    return Item(
        PreflightKind.NOT_LOADED, f"no Phase 3 data for the season {', '.join(seasons)}", advice
    )


def nothing_to_run(dates: Sequence[date]) -> Item:
    """The schedule has no final game on these dates, which are in order."""
    first, last = dates[0], dates[-1]
    between = f"there is no game between {first} and {last}"
    if len(dates) <= (last - first).days:
        between = f"there is no game on any of these {len(dates)} dates from {first} to {last}"
    return Item(PreflightKind.NOTHING_TO_RUN, f"{between}, so there is nothing to backfill")


def _no_dates(facts: PreflightInput) -> Iterator[Item]:
    if facts.not_loaded:
        yield seasons_missing(facts.not_loaded)
    elif facts.days and not any(day.is_processing for day in facts.days):
        yield nothing_to_run([day.day for day in facts.days])


def _held(facts: PreflightInput) -> Iterator[Item]:
    if facts.held:
        yield Item(PreflightKind.HELD, facts.held)


def _expiry(facts: PreflightInput) -> Iterator[Item]:
    for table, days in facts.expiring.items():
        sentence = f"partitions of {table} expire after {days} days, which deletes a backfill of older dates"
        advice = (
            f"let them stay: `ALTER TABLE {table} SET OPTIONS (partition_expiration_days = NULL)`"
        )
        yield Item(PreflightKind.EXPIRY, sentence, advice, tables=(table,), numbers={"days": days})


def _lacking(found: Coverage) -> Item:
    kind = PreflightKind.NO_ROWS if found.is_missing else PreflightKind.FEW_ROWS
    numbers = {"games": found.games, "rows": found.rows, "expected": round(found.expected, 1)}
    return Item(
        kind, str(found), _run_phase3((found.date,)), (found.date,), (found.table,), numbers
    )


def _short_windows(facts: PreflightInput, season: Sequence[Day]) -> Iterator[Item]:
    """Tables that have no row of a date which is not computed itself, and which the windows of a
    later one contain.
    """
    last = max((day.day for day in season if day.day in facts.asked), default=date.min)
    before = [day for day in season if day.day < last and day.day not in facts.asked]
    alike: dict[tuple[Day, ...], list[str]] = {}
    for table in sorted(GAME_TABLES & set(facts.reads)):
        lacking = tuple(day for day in before if not facts.rows.get((table, day.day)))
        alike.setdefault(lacking, []).append(table)
    for days, tables in alike.items():
        if days:
            yield _short_of(days, tuple(tables))


def _short_of(days: Sequence[Day], tables: tuple[str, ...]) -> Item:
    dates, games = tuple(day.day for day in days), sum(day.games for day in days)
    short = f"windows of the range are short of {games} game{'s' * (games > 1)}"
    sentence = f"{short}: no rows in {', '.join(tables)} on {_listed(dates)}"
    return Item(
        PreflightKind.SHORT_WINDOWS, sentence, _run_phase3(dates), dates, tables, {"games": games}
    )


def _output(facts: PreflightInput) -> Iterator[Item]:
    computed = {day.day for day in facts.days if day.is_computed}
    for code, dates in facts.output.items():
        if there := computed & set(dates):
            replaced = there & set(facts.replaced.get(code, ()))
            sentence = f"{code}: {len(there)} of {len(computed)} dates have output already, {_fate(len(there), len(replaced))}"
            numbers = {"dates": len(computed), "existing": len(there), "replaced": len(replaced)}
            yield Item(PreflightKind.OUTPUT, sentence, dates=tuple(sorted(there)), numbers=numbers)


def _fate(there: int, replaced: int) -> str:
    if not replaced:
        return "which is kept"
    return (
        "which will be replaced" if replaced == there else f"{replaced} of which will be replaced"
    )


def _run_phase3(dates: Sequence[date]) -> str:
    return f"run Phase 3 for {_listed(dates)}, then {LOAD}"


def _listed(dates: Sequence[date]) -> str:
    more = f" and {len(dates) - FIRST_DATES} more dates" if len(dates) > FIRST_DATES else ""
    return ", ".join(map(str, dates[:FIRST_DATES])) + more
