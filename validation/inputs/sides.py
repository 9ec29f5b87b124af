"""Teams of games: the rows of each table compared with the schedule, each difference with its cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from validation.findings.finding_kind import FindingKind
from validation.findings.kinds import pluralize
from validation.inputs import kinds
from validation.inputs.differences import (
    SCHEDULE,
    SIDE_TABLES,
    GameSide,
    SideDifference,
    differences,
)
from validation.inputs.problem import (
    PLAYER_TABLES,
    TABLE_NAMES,
    InputProblem,
    RowKey,
    briefly,
    span,
    table_names,
)

STATEMENT = "input-sides"


class Repeated(NamedTuple):
    """Team of a final game in a schedule that contradicts itself: `own team`, `two dates` or `two
    games`.
    """

    what: str
    game_id: str
    game_date: date
    team: str


def problems(
    sides: Iterable[GameSide],
    teams: Mapping[str, Collection[str]],
    repeated: Iterable[Repeated] = (),
) -> list[InputProblem]:
    """Return one problem per cause; tables with the same differences share it.

    `teams` has the names of teams by table.
    """
    repeated = list(repeated)
    own = {game.game_id for game in repeated if game.what != "two games"}
    found = [side for side in sides if side.game_id not in own]
    grouped: dict[tuple[FindingKind, tuple[str, ...], str], list[SideDifference]] = defaultdict(
        list
    )
    for d in differences(found, teams):
        grouped[d.kind, d.cause, d.side.table].append(d)
    absent = {(*side.game, side.team) for side in found if side.is_missing}
    games = own | {side.game_id for side in found}
    followed = {(r.team, r.game_date) for r in repeated if r.game_id in games}
    return [
        *(_problem(group, absent) for group in _merged(grouped)),
        *_of_schedule(
            r for r in repeated if r.what != "two games" or (r.team, r.game_date) not in followed
        ),
    ]


def _merged(
    grouped: Mapping[tuple[FindingKind, tuple[str, ...], str], list[SideDifference]],
) -> Iterator[list[SideDifference]]:
    """Merge the groups of tables that differ from the schedule in the same games and teams, then
    the names of teams that differ in the same tables.
    """
    merged: dict[object, list[SideDifference]] = defaultdict(list)
    for (kind, cause, _), group in grouped.items():
        where = frozenset((d.side.game_id, d.side.team, d.side.opponent) for d in group)
        merged[kind.name, cause, where].extend(group)
    names: dict[object, list[SideDifference]] = defaultdict(list)
    for group in merged.values():
        if group[0].kind is kinds.TEAM_NAME:
            names[frozenset(d.side.table for d in group)].extend(group)
        else:
            yield group
    yield from names.values()


def _problem(
    group: Sequence[SideDifference], absent: Collection[tuple[str, str, str]]
) -> InputProblem:
    first, sides = group[0], [d.side for d in group]
    tables = tuple(t for t in SIDE_TABLES if any(s.table == t for s in sides))
    is_schedule = tables == SIDE_TABLES  # all tables agree with each other
    dates = tuple(sorted({s.game_date for s in sides} | {s.day for s in sides if s.day}))
    games = tuple(sorted({s.game_id for s in sides}))
    sentence = SENTENCES[first.kind](group, SCHEDULE if is_schedule else table_names(tables))
    if first.kind is kinds.GAME_DATE and not any(
        (*r.game, r.team) in absent for d in group for r in d.right
    ):
        sentence += "; other rows of the game have the date of the schedule"
    return InputProblem(
        kind=first.kind,
        subject=" ".join((*tables, *_identity(first), *games[:1])),
        sentence=f"{sentence}; {span(dates)}",
        statement=STATEMENT,
        only={"c.name": tables, "c.game_id": games},
        tables=(*tables, *((SCHEDULE,) if is_schedule else ())),
        dates=dates,
        games=games,
        teams=tuple(sorted({s.team for s in sides} | {r.team for d in group for r in d.right})),
        cause=_cause(first, is_schedule=is_schedule),
        wrong=tuple(_key(s) for s in sides if not s.is_missing),
        right=tuple(_key(r) for d in group for r in d.right),
        processors=("PCF", "ML") if first.kind is kinds.OPPONENT else (),
        numbers={"rows": sum(s.rows for s in sides), "games with it": len(games)},
    )


def _identity(difference: SideDifference) -> tuple[str, ...]:
    return () if difference.kind is kinds.TEAM_NAME else difference.cause


def _key(side: GameSide) -> RowKey:
    entity = "" if side.table in PLAYER_TABLES else side.team
    return RowKey(side.table, entity, side.game_date, side.game_id, side.team)


def _cause(difference: SideDifference, *, is_schedule: bool) -> str:
    if is_schedule:
        return "all tables agree with each other: the schedule is wrong, or incomplete"
    if difference.kind is kinds.GAME_DATE and difference.cause[0] in ("1", "-1"):
        return "a date in another time zone (UTC instead of US Eastern time, or the reverse)"
    return ""


# The sentences: each names the table, the games and the teams.


def _rows(group: Sequence[SideDifference]) -> str:
    return pluralize(sum(d.side.rows for d in group), "row")


def _games(group: Sequence[SideDifference]) -> str:
    names = sorted({d.side.game_id for d in group})
    return f"{pluralize(len(names), 'game')} ({briefly(names)})"


def _team_name(group: Sequence[SideDifference], where: str) -> str:
    pairs = sorted({d.cause if where != SCHEDULE else d.cause[::-1] for d in group})
    named = briefly(f"{found} for {wanted}" for found, wanted in pairs)
    verb = "is" if len(pairs) == 1 else "are"
    abbreviations = briefly(found for found, _ in pairs)
    table = TABLE_NAMES[SCHEDULE] if where == SCHEDULE else where
    return f"{table}: {named} in {_rows(group)} of {_games(group)}; {abbreviations} {verb} in no other table"


def _game_date(group: Sequence[SideDifference], where: str) -> str:
    days = int(group[0].cause[0])
    if where == SCHEDULE:
        early = "later" if days < 0 else "earlier"
        return f"{TABLE_NAMES[SCHEDULE]}: {_games(group)} dated {pluralize(abs(days), 'day')} {early} than in all other tables"
    early = "earlier" if days < 0 else "later"
    return f"{where}: {_rows(group)} of {_games(group)} dated {pluralize(abs(days), 'day')} {early} than in the schedule"


def _game_teams(group: Sequence[SideDifference], where: str) -> str:
    named = briefly(sorted({d.side.text for d in group}))
    if group[0].cause == ("extra",):
        table = "all tables" if where == SCHEDULE else where
        return f"{table}: {_rows(group)} of a team that does not play in the game: {named}"
    count = pluralize(len(_teams(group)), "team")
    if where == SCHEDULE:
        return f"no table has rows for {count} of final games: {named}"
    what = "player rows" if {d.side.table for d in group} <= set(PLAYER_TABLES) else "rows"
    return f"{where}: no {what} for {count} of final games: {named}"


def _teams(group: Sequence[SideDifference]) -> set[tuple[str, str]]:
    return {(d.side.game_id, d.side.team) for d in group}


def _opponent(group: Sequence[SideDifference], where: str) -> str:
    table = "all tables" if where == SCHEDULE else where
    if group[0].cause == ("own team",):
        return f"{table}: the team is its own opponent in {_rows(group)} of {_games(group)}"
    named = briefly(f"{d.side.text} against {d.side.opponent}" for d in group)
    return f"{table}: opponents that are not each other's in {_rows(group)}: {named}"


def _unscheduled(group: Sequence[SideDifference], where: str) -> str:
    if group[0].cause == ("game_id",):
        ids = sorted({(d.side.game_id, d.right[0].game_id) for d in group})
        pairs = briefly(f"{found} for {wanted}" for found, wanted in ids)
        return f"{where}: game_id {pairs} of the schedule, in {_rows(group)}"
    place = "all other tables:" if where == SCHEDULE else f"{where}:"
    teams = briefly(sorted({d.side.text for d in group}))
    return f"{place} {_rows(group)} of {_games(group)} that the schedule does not have: {teams}"


# The schedule alone


def _of_schedule(found: Iterable[Repeated]) -> Iterator[InputProblem]:
    by_what: dict[str, list[Repeated]] = defaultdict(list)
    for game in found:
        by_what[game.what].append(game)
    for what, games in by_what.items():
        ids = tuple(sorted({g.game_id for g in games}))
        dates = tuple(sorted({g.game_date for g in games}))
        teams = tuple(sorted({g.team for g in games}))
        named = briefly(f"{g.game_id} ({g.game_date}) {g.team}" for g in games)
        yield InputProblem(
            kind=kinds.OPPONENT if what == "own team" else kinds.GAME_DATE,
            subject=f"{SCHEDULE} {what} {ids[0]}",
            sentence=f"{TABLE_NAMES[SCHEDULE]}: {SCHEDULE_SENTENCES[what]}: {named}",
            statement="input-schedule",
            tables=(SCHEDULE,),
            dates=dates,
            games=ids,
            teams=teams,
            numbers={"games with it": len(ids)},
        )


SCHEDULE_SENTENCES = {
    "own team": "a team plays against itself",
    "two dates": "a final game is on two dates",
    "two games": "a team has two final games on a date",
}
SENTENCES = {
    kinds.TEAM_NAME: _team_name,
    kinds.GAME_DATE: _game_date,
    kinds.GAME_TEAMS: _game_teams,
    kinds.OPPONENT: _opponent,
    kinds.UNSCHEDULED: _unscheduled,
}
