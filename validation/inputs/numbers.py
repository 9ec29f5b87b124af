"""Shots by zone against field goals, and team numbers against the sums of the players."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from validation.columns import ZONES
from validation.findings.finding_kind import Severity
from validation.findings.kinds import pluralize
from validation.inputs import kinds
from validation.inputs.problem import TABLE_NAMES, InputProblem, RowKey, briefly, span

# A source can leave out a few shots from unknown places, but not a fifth of a team's shots.
FEWEST_MISSING_SHOTS, LEAST_ZONE_SHARE = 10, "0.8"
# Tables of one source agree in most games; below this share they define the numbers differently.
LEAST_EQUAL_SHARE = 0.5
# With more players absent from a game, the coverage of the date is low, which is its own Finding.
MOST_ABSENT_SHARE, LEAST_PLAYERS_SHARE = 0.25, 0.8


@dataclass(frozen=True, kw_only=True)
class Sum:
    """Number in a team table (`left`) that equals another one (`right`): the sum of the players'
    column, or a column of another team table. Written table.column; `times` multiplies the right
    one.
    """

    left: str
    right: str
    times: int = 1


SUMS = (
    *(
        Sum(left=f"TDGS.opp_{zone}_{what}", right=f"PGS.{zone}_{what}")
        for zone in ZONES
        for what in ("attempts", "makes")
    ),
    Sum(left="TDGS.points_in_paint_allowed", right="PGS.paint_makes", times=2),
    Sum(left="TDGS.points_allowed", right="PGS.points"),
    Sum(left="TOGS.points_scored", right="PGS.points"),
    Sum(left="TDGS.points_allowed", right="TOGS.points_scored"),
)


# Column without information: table, column, and team, or empty for all teams.
EmptyColumn = tuple[str, str, str]


# Zones


class ZoneRow(NamedTuple):
    """Player row whose zones contradict its field goals."""

    game_date: date
    game_id: str
    team: str
    player: str
    fg_attempts: int | None
    zone_attempts: int
    fg_makes: int | None
    zone_makes: int

    @property
    def what(self) -> str:
        """Kind of the contradiction."""
        if self.zone_attempts > (self.fg_attempts or 0) or self.zone_makes > (self.fg_makes or 0):
            return "more"
        return "less" if self.zone_attempts < (self.fg_attempts or 0) else "other makes"

    @property
    def text(self) -> str:
        """Player and shots as text."""
        zones = f"{self.zone_makes} of {self.zone_attempts} in zones"
        goals = f"{self.fg_makes} of {self.fg_attempts} field goals"
        return f"{self.player} on {self.game_date}: {zones}, {goals}"


ZONE_SENTENCES = {
    "more": "more shots in the zones than field goals",
    "less": "far fewer shots in the zones than field goals",
    "other makes": "other makes in the zones than field goals",
}


def zone_problems(rows: Iterable[ZoneRow]) -> list[InputProblem]:
    """Return a problem per kind of contradiction."""
    found = list(rows)
    grouped = {what: [row for row in found if row.what == what] for what in ZONE_SENTENCES}
    return [_zone_problem(what, group) for what, group in grouped.items() if group]


def _zone_problem(what: str, rows: Sequence[ZoneRow]) -> InputProblem:
    dates = tuple(sorted({row.game_date for row in rows}))
    players = tuple(sorted({row.player for row in rows}))
    games = tuple(sorted({row.game_id for row in rows}))
    keys = tuple(RowKey("PGS", r.player, r.game_date, r.game_id, r.team) for r in rows)
    return InputProblem(
        kind=kinds.ZONES,
        subject=f"{what} {dates[0]}",
        sentence=f"player_game_summary: {ZONE_SENTENCES[what]} in {pluralize(len(rows), 'row')} of "
        f"{pluralize(len(players), 'player')}, {span(dates)}; "
        f"for example {rows[0].text}",
        statement="input-zones",
        only={"n.game_id": games},
        tables=("PGS",),
        dates=dates,
        games=games,
        teams=tuple(sorted({row.team for row in rows})),
        players=players,
        wrong=keys,
        right=keys,
        processors=("PSZA",),
        numbers={"rows": len(rows)},
    )


# Sums


class SumCount(NamedTuple):
    """Teams of games whose two values of one Sum are known, and of them the equal ones; `swapped`
    are equal to the other team's.
    """

    known: int
    equal: int
    swapped: int


class SumRow(NamedTuple):
    """Team of a game in which some of the Sums differ; `values` has (left, right) of each of SUMS.

    `absent` counts players of the offense with a context and without a row; `share_of_players` is
    the number of players on the date, compared with the season.
    """

    game_date: date
    game_id: str
    defense: str
    offense: str
    players: int | None
    share_of_players: float | None
    absent: int
    absent_player: str | None
    is_bad: bool
    values: tuple[tuple[int | None, int | None], ...]

    @property
    def is_incomplete(self) -> bool:
        """Return whether so many players are absent that the coverage of the date is low."""
        if (self.share_of_players or 1) < LEAST_PLAYERS_SHARE:
            return True
        return self.absent > MOST_ABSENT_SHARE * ((self.players or 0) + self.absent)


def is_suspicious(counts: Iterable[SumCount]) -> bool:
    """Return whether a number differs anywhere."""
    return any(count.equal < count.known for count in counts)


def without_empty(rows: Iterable[ZoneRow], empty: Collection[EmptyColumn]) -> list[ZoneRow]:
    """Return the rows whose missing shots are not those of a zone without information."""
    return [
        row
        for row in rows
        if row.what != "less"
        or not {("PGS", ""), ("PGS", row.team)} & {(t, w) for t, _, w in empty}
    ]


def _without_empty(row: SumRow, empty: Collection[EmptyColumn]) -> SumRow:
    """Return a row whose values of columns without information are unknown."""
    teams = {"TDGS": ("", row.defense), "TOGS": ("", row.offense), "PGS": ("", row.offense)}
    lost = {f"{table}.{column}" for table, column, team in empty if team in teams.get(table, ())}
    values = (
        (None, None) if lost & {one.left, one.right} else value
        for one, value in zip(SUMS, row.values, strict=True)
    )
    return row._replace(values=tuple(values))


def sum_problems(
    counts: Sequence[SumCount],
    rows: Iterable[SumRow],
    wrong: Iterable[tuple[str, str]],
    empty: Collection[EmptyColumn] = (),
) -> list[InputProblem]:
    """Return problems of the rows that differ: swapped teams, absent players, other numbers.

    `wrong` are the (game, team) that another problem explains, `empty` the columns.
    """
    explained = set(wrong)
    kept = [
        row
        for row in (_without_empty(row, empty) for row in rows)
        if _differing([row])
        and not row.is_bad
        and not row.is_incomplete
        and not explained & {(row.game_id, row.offense), (row.game_id, row.defense)}
    ]
    return list(_sum_problems(counts, kept)) if kept else []


def _sum_problems(counts: Sequence[SumCount], rows: Sequence[SumRow]) -> Iterator[InputProblem]:
    of_players = [n for n, one in enumerate(SUMS) if one.right.startswith("PGS.")]
    known = [counts[n] for n in of_players if counts[n].known]
    defense = [counts[n] for n in of_players if SUMS[n].left.startswith("TDGS") and counts[n].known]
    if defense and all(c.swapped > LEAST_EQUAL_SHARE * c.known for c in defense):
        yield _sum_problem("swapped", of_players, rows)
        return
    if known and all(c.equal < LEAST_EQUAL_SHARE * c.known for c in known):
        yield _sum_problem("unlike", of_players, rows, severity=Severity.NOTE)
        return
    absent = [row for row in rows if row.absent]
    if absent:
        yield _sum_problem("absent", _differing(absent), absent)
    by_tables: dict[tuple[str, ...], list[SumRow]] = {}
    for row in rows:
        if not row.absent:
            tables = {SUMS[n].left.partition(".")[0] for n in _differing([row])}
            by_tables.setdefault(tuple(sorted(tables)), []).append(row)
    for found in by_tables.values():
        yield _sum_problem("other", _differing(found), found)


def _differs(row: SumRow, n: int) -> bool:
    left, right = row.values[n]
    return left is not None and right is not None and left != right


def _differing(rows: Sequence[SumRow]) -> list[int]:
    return [n for n in range(len(SUMS)) if any(_differs(row, n) for row in rows)]


def _sum_problem(
    what: str, columns: Sequence[int], rows: Sequence[SumRow], severity: Severity | None = None
) -> InputProblem:
    tables = tuple(dict.fromkeys(name.partition(".")[0] for n in columns for name in _pair(n)))
    dates = tuple(sorted({row.game_date for row in rows}))
    games = tuple(sorted({row.game_id for row in rows}))
    keys = tuple(_sum_keys(what, tables, rows))
    players = tuple(sorted({row.absent_player for row in rows if row.absent_player}))
    names = list(dict.fromkeys(SUMS[n].left for n in columns))
    return InputProblem(
        kind=kinds.SUMS,
        subject=f"{what} {names[0]} {dates[0]}",
        sentence=f"{_sum_sentence(what, names, rows)}; {pluralize(len(games), 'game')}, "
        f"{span(dates)}; for example {_example(rows[0], columns)}",
        statement="input-sum-rows",
        only={"s.game_id": games},
        tables=tables,
        dates=dates,
        games=games,
        teams=tuple(sorted({team for row in rows for team in (row.defense, row.offense)})),
        players=players,
        severity=severity,
        cause=SUM_CAUSES.get(what, ""),
        wrong=() if what in ("absent", "unlike") else keys,
        right=() if what == "unlike" else keys,
        numbers={"rows": len(rows), "columns": [_full(name) for name in names]},
    )


def _pair(n: int) -> tuple[str, str]:
    return SUMS[n].left, SUMS[n].right


def _sum_keys(what: str, tables: Sequence[str], rows: Sequence[SumRow]) -> Iterator[RowKey]:
    for row in rows:
        if what == "absent":
            name = row.absent_player or ""
            yield RowKey("PGS", name, row.game_date, row.game_id, row.offense)
            continue
        if "TDGS" in tables:
            yield RowKey("TDGS", row.defense, row.game_date, row.game_id, row.defense)
        if "TOGS" in tables:
            yield RowKey("TOGS", row.offense, row.game_date, row.game_id, row.offense)


def _sum_sentence(what: str, names: Sequence[str], rows: Sequence[SumRow]) -> str:
    columns, differ = briefly(map(_full, names)), "differs" if len(names) == 1 else "differ"
    if what == "swapped":
        return f"{columns} are of the defending team, not of its opponent"
    if what == "unlike":
        return f"{columns} {differ} from the sums of the players in most games"
    if what == "absent":
        count = pluralize(sum(row.absent for row in rows), "player")
        return (
            f"player_game_summary: {count} with context and without a row, and {columns} {differ}"
        )
    return f"{columns} {differ} from the sums of the players in {pluralize(len(rows), 'row')}"


def _full(name: str) -> str:
    """Return a column with the name of its table."""
    table, _, column = name.partition(".")
    return f"{TABLE_NAMES[table]}.{column}"


def _example(row: SumRow, columns: Sequence[int]) -> str:
    differing = [n for n in columns if _differs(row, n)] or list(columns)
    left, right = row.values[differing[0]]
    absent = f", {row.absent_player} has no row" if row.absent_player else ""
    table, _, column = SUMS[differing[0]].left.partition(".")
    team = row.defense if table == "TDGS" else row.offense
    return f"{team} in game {row.game_id}: {column} is {left}, the sum is {right}{absent}"


SUM_CAUSES = {
    "swapped": "the two teams of each game are swapped in one of both tables",
    "unlike": "the tables define these numbers in different ways",
    "absent": "player rows are missing in these games",
}


def counts_of(row: Mapping[str, int]) -> list[SumCount]:
    """Return the counts of a row with `known_N`, `same_N` and `swapped_N` for each of SUMS."""
    return [
        SumCount(row[f"known_{n}"], row[f"same_{n}"], row[f"swapped_{n}"]) for n in range(len(SUMS))
    ]
