"""Phase 3 columns that hold no information from the first day on: constant, zero or NULL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import takewhile
from typing import NamedTuple

from validation.columns import Critical, counted_columns, critical
from validation.findings.content import Share
from validation.findings.finding_kind import Severity
from validation.findings.kinds import pluralize
from validation.inputs import kinds
from validation.inputs.numbers import EmptyColumn
from validation.inputs.problem import (
    PLAYER_TABLES,
    TABLE_NAMES,
    InputProblem,
    RowKey,
    briefly,
    span,
)
from validation.known_constants import RARE, ConstantKind, may_be_all_season

# Equal values on fewer dates can be chance. Rare events need more dates.
MIN_DATES, MIN_DATES_OF_RARE = 14, 30
# With fewer teams on every date, the rows are samples of a season, whose numbers prove nothing.
MIN_TEAMS = 4
# Fewest rows of a team that prove a constant.
MIN_TEAM_ROWS = 14
NULL, ZERO, CONSTANT = ConstantKind
# A table with this share of the columns that some sources do not know has a source that knows them all.
KNOWN_SHARE = 0.5


class _Found(NamedTuple):
    column: Critical
    what: ConstantKind
    shares: tuple[Share, ...]
    severity: Severity | None = None

    @property
    def text(self) -> str:
        """Column and value as text."""
        value = next((share.value for share in self.shares if share.value), "")
        of = f" ({value})" if self.what is CONSTANT else ""
        return f"{self.column.name} is {self.what}{of}"


def is_league(shares: Iterable[Share]) -> bool:
    """Return whether enough teams play on a date for checks of numbers."""
    return max((share.teams for share in shares), default=0) >= MIN_TEAMS


def problems(shares: Iterable[Share]) -> list[InputProblem]:
    """Return a problem per table and period of its columns without information."""
    by_column: dict[tuple[str, str], list[Share]] = defaultdict(list)
    for share in shares:
        by_column[share.table, share.column].append(share)
    known = {
        key for key, of_column in by_column.items() if any(s.rows > s.nulls for s in of_column)
    }
    found: dict[tuple[object, ...], list[_Found]] = defaultdict(list)
    for (table, name), of_column in by_column.items():
        ordered = sorted(of_column, key=lambda share: share.date)
        for one in _of_column(critical(table, name), ordered, known):
            found[table, len(one.shares), one.severity].append(one)
    return [_problem(group) for group in found.values()]


def _of_column(
    column: Critical, shares: Sequence[Share], known: set[tuple[str, str]]
) -> Iterator[_Found]:
    """Yield the period from the first day without information, if it is long enough."""
    if not is_league(shares):
        return
    fewest = MIN_DATES_OF_RARE if column.name in RARE else MIN_DATES
    for what in ConstantKind:
        period = _period(shares, what)
        if len(period) < fewest:
            continue
        if what in column.watched_all_season:
            yield _Found(column, what, period)
            return
        if what is NULL and (len(period) < len(shares) or _should_be_known(column, known)):
            yield _Found(column, what, period, Severity.WARNING)


def _period(shares: Sequence[Share], what: ConstantKind) -> tuple[Share, ...]:
    """Return the dates from the first on whose rows are all of this kind, apart from NULLs."""
    if what is NULL:
        return tuple(takewhile(lambda share: share.nulls == share.rows, shares))
    values = [share.value for share in shares if share.distinct == 1]
    period = tuple(takewhile(lambda share: _holds(share, what, values), shares))
    return period if any(share.rows > share.nulls for share in period) else ()


def _holds(share: Share, what: ConstantKind, values: Sequence[str | None]) -> bool:
    if what is ZERO:
        return share.zeros + share.nulls == share.rows
    return share.distinct == 0 or (share.distinct == 1 and share.value == values[0])


def _should_be_known(column: Critical, known: set[tuple[str, str]]) -> bool:
    """Return whether the table's source has most of the columns that some sources do not know."""
    optional = [
        c.name for c in counted_columns(column.table) if NULL in may_be_all_season(*_key(c))
    ]
    held = [name for name in optional if (column.table, name) in known]
    return bool(optional) and len(held) > KNOWN_SHARE * len(optional)


def _key(column: Critical) -> tuple[str, str]:
    return column.table, column.name


def empty_columns(found: Iterable[InputProblem]) -> set[EmptyColumn]:
    """Return the columns without information of these problems."""
    return {
        (problem.tables[0], str(column), team)
        for problem in found
        for column in listed_columns(problem)
        for team in problem.teams or ("",)
    }


def listed_columns(problem: InputProblem) -> list[object]:
    """Return the names of the columns of a problem."""
    columns = problem.numbers["columns"]
    return columns if isinstance(columns, list) else []


def team_problems(
    by_team: Mapping[str, Sequence[Share]],
    shares: Iterable[Share],
    found: Iterable[InputProblem],
) -> list[InputProblem]:
    """Return a problem per table whose columns hold no information in all rows of some teams.
    `found` are the problems of the whole league.
    """
    dates: dict[str, set[date]] = defaultdict(set)
    for share in shares:
        dates[share.table].add(share.date)
    explained = {p.tables[0] for p in found}
    lost: dict[str, list[tuple[str, _Found]]] = defaultdict(list)
    for team, of_team in by_team.items():
        for share in of_team:
            if share.rows < MIN_TEAM_ROWS or share.table in explained:
                continue
            what = next((w for w in ConstantKind if _period([share], w)), None)
            if what:
                one = _Found(critical(share.table, share.column), what, (share,))
                lost[share.table].append((team, one))
    return [
        _team_problem(table, group, sorted(dates[table]))
        for table, group in lost.items()
        if len(dates[table]) >= MIN_DATES
    ]


def _team_problem(
    table: str, found: Sequence[tuple[str, _Found]], dates: Sequence[date]
) -> InputProblem:
    teams = tuple(sorted({team for team, _ in found}))
    texts = briefly(dict.fromkeys(f"{team}: {one.text}" for team, one in found))
    names = list(dict.fromkeys(one.column.name for _, one in found))
    keys = tuple(
        RowKey(table, "" if table in PLAYER_TABLES else t, d, "", t) for t in teams for d in dates
    )
    return InputProblem(
        kind=kinds.CONSTANT_COLUMN,
        subject=f"{table} {names[0]} of teams",
        sentence=f"{TABLE_NAMES[table]}: {texts}, in all rows of {pluralize(len(teams), 'team')}, "
        f"{span(dates)}",
        statement="evidence-columns",
        tables=(table,),
        dates=tuple(dates),
        teams=teams,
        wrong=keys,
        right=keys,
        numbers={"columns": names},
    )


def _problem(found: Sequence[_Found]) -> InputProblem:
    first = found[0]
    table, dates = first.column.table, tuple(share.date for share in first.shares)
    rows = sum(share.rows for share in first.shares)
    names = [one.column.name for one in found]
    return InputProblem(
        kind=kinds.CONSTANT_COLUMN,
        subject=f"{table} {names[0]} {first.what}",
        sentence=f"{TABLE_NAMES[table]}: {', '.join(one.text for one in found)} in "
        f"{pluralize(rows, 'row')} from the first day on, {span(dates)}",
        statement="evidence-columns",
        tables=(table,),
        dates=dates,
        severity=first.severity,
        wrong=tuple(RowKey(table, "*", day, "", "") for day in dates),
        right=tuple(RowKey(table, "*", day, "", "") for day in dates),
        numbers={"columns": names, "rows": rows},
    )
