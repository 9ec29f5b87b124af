"""Differences between the game tables and the schedule, each with its reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from validation.findings.finding_kind import FindingKind
from validation.inputs import kinds
from validation.inputs.problem import TABLE_NAMES

SCHEDULE = "SCHED"
# Tables with the team and its opponent in every row.
SIDE_TABLES = tuple(table for table in TABLE_NAMES if table != SCHEDULE)


class GameSide(NamedTuple):
    """Team of a game in one table, that the schedule does not have, or (`is_missing`) that only the
    schedule has.

    `is_filled`: the table has rows of the date. `day`, `home` and `away` are of the game in the
    schedule, None without one.
    """

    table: str
    game_id: str
    game_date: date
    team: str
    opponent: str
    rows: int
    is_missing: bool
    is_filled: bool
    day: date | None = None
    home: str | None = None
    away: str | None = None

    @property
    def teams(self) -> set[str]:
        """The two teams of the game in the schedule."""
        return {self.home or "", self.away or ""}

    @property
    def game(self) -> tuple[str, str]:
        """Table and game."""
        return self.table, self.game_id

    @property
    def text(self) -> str:
        """Game and team as text."""
        return f"{self.game_id} ({self.game_date}) {self.team}"


@dataclass(frozen=True, kw_only=True)
class SideDifference:
    """GameSide that differs from the schedule for one reason; `cause` groups those of one problem."""

    kind: FindingKind
    cause: tuple[str, ...]
    side: GameSide
    right: tuple[GameSide, ...] = ()


def differences(
    sides: Iterable[GameSide], teams: Mapping[str, Collection[str]]
) -> list[SideDifference]:
    """Return a difference per side that the schedule does not have, and per missing one that none of
    these explains. `teams` has the names of teams by table.
    """
    found = list(sides)
    renamed = _renamed(found, teams)
    missing = {(s.table, s.game_date, s.team, s.opponent): s for s in found if s.is_missing}
    explained = [_explained(side, renamed, missing) for side in found if not side.is_missing]
    covered = {key for d in explained for key in _covers(d)}
    return explained + [
        SideDifference(kind=kinds.GAME_TEAMS, cause=("missing",), side=side, right=(side,))
        for side in missing.values()
        if side.is_filled and not _is_covered(side, covered)
    ]


def _other(teams: Collection[str], team: str) -> str:
    """Return the other team of a game; empty if there is none."""
    return next((name for name in sorted(teams) if name != team), "")


def _renamed(sides: Sequence[GameSide], teams: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return the names of teams that differ between the schedule and other tables: the name found,
    with the one in the schedule.
    """
    scheduled = set(teams.get(SCHEDULE, ()))
    held = {name for table, names in teams.items() if table != SCHEDULE for name in names}
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    for side in sides:
        for name, other in ((side.team, side.opponent), (side.opponent, side.team)):
            if side.is_missing or not side.home or name in side.teams:
                continue
            alike = [team for team in side.teams if _plain(team) == _plain(name)]
            partner = [_other(side.teams, other)] if other in side.teams else []
            for wanted in alike or partner:
                if name not in scheduled or wanted not in held:
                    pairs[name][wanted] += 1
    return {name: counts.most_common(1)[0][0] for name, counts in pairs.items()}


def _plain(team: str) -> str:
    return "".join(filter(str.isalnum, team)).casefold()


def _explained(
    side: GameSide,
    renamed: Mapping[str, str],
    missing: Mapping[tuple[str, date, str, str], GameSide],
) -> SideDifference:
    """Return the reason for rows that the schedule does not have."""
    if side.day is None or not side.home or not side.away:
        game = missing.get((side.table, side.game_date, side.team, side.opponent))
        if game is None:
            return SideDifference(kind=kinds.UNSCHEDULED, cause=(), side=side)
        found = game._replace(rows=side.rows)
        return SideDifference(kind=kinds.UNSCHEDULED, cause=("game_id",), side=side, right=(found,))
    team, opponent = (
        name if name in side.teams else renamed.get(name, name)
        for name in (side.team, side.opponent)
    )
    right = side._replace(game_date=side.day, team=team, opponent=_other(side.teams, team))
    if {team, opponent} == side.teams and (team, opponent) != (side.team, side.opponent):
        name = side.team if team != side.team else side.opponent
        pair = (name, renamed[name])
        return SideDifference(kind=kinds.TEAM_NAME, cause=pair, side=side, right=(right,))
    if {team, opponent} == side.teams:
        days = str((side.game_date - side.day).days)
        return SideDifference(kind=kinds.GAME_DATE, cause=(days,), side=side, right=(right,))
    if team in side.teams:
        cause = "own team" if opponent == team else "another team"
        return SideDifference(kind=kinds.OPPONENT, cause=(cause,), side=side, right=(right,))
    if opponent in side.teams:
        right = right._replace(team=_other(side.teams, opponent), opponent=opponent)
        return SideDifference(kind=kinds.GAME_TEAMS, cause=("extra",), side=side, right=(right,))
    return SideDifference(kind=kinds.UNSCHEDULED, cause=("teams",), side=side)


def _covers(difference: SideDifference) -> Iterator[tuple[str, str, str]]:
    """Yield the (table, game, team) whose missing rows this difference explains."""
    for side in difference.right:
        yield *side.game, side.team
    if difference.kind is kinds.UNSCHEDULED:
        yield *difference.side.game, ""


def _is_covered(side: GameSide, covered: set[tuple[str, str, str]]) -> bool:
    return (*side.game, side.team) in covered or (*side.game, "") in covered
