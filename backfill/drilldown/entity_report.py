"""Why one entity has no row on a date, and when it will have one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from backfill.drilldown.entities import Match, match, root
from backfill.drilldown.entity_names import all_names
from backfill.drilldown.entity_statuses import OnDate, Status
from backfill.drilldown.schedule import GameLine, GameRole, coming, lines
from backfill.errors import Refused
from backfill.processors.registry import PROCESSORS
from backfill.processors.render import inlined
from validation.categories import BY_NAME
from validation.expectation import ROW
from validation.recovery import MINIMUM, WINDOW, Recovery, recovery
from validation.season import season_year


@dataclass(frozen=True)
class UpstreamStatus:
    """What a processor says of the entity on the date; `state` is empty where it says nothing."""

    code: str
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class EntityReport:
    """One entity on one date. `games` are its team's before the date, newest first; `played` counts
    those it played.

    `minimum` and `window` are the processor's: fewest games, and how many of the newest are
    examined (None: all, or
    none by a processor that reads no games). `ahead` are the dates of its team's games from the
    date on. `explanation` and
    `outlook.text` are sentences; `sql` reads what is said of the entity, `statement` is what made
    it.
    """

    entity: str
    name: str
    team: str
    day: date
    code: str
    state: str
    reason: str
    can_retry: bool
    match: Match
    must: str
    root: str
    minimum: int | None
    window: int | None
    games: tuple[GameLine, ...]
    played: int
    ahead: tuple[date, ...]
    explanation: str
    upstream: tuple[UpstreamStatus, ...]
    outlook: Recovery
    sql: str
    statement: str

    @property
    def scheduled(self) -> int:
        """How many games the team had before the date."""
        return len(self.games)

    @property
    def missed(self) -> tuple[GameLine, ...]:
        """Those of them that the entity did not play."""
        return tuple(line for line in self.games if line.part is not GameRole.PLAYED)


def report_entity(day: date, code: str, entity_id: str) -> EntityReport:
    """One player, or team, on one date. Raises Refused for a date that is not processed or who is
    not of the season.
    """
    asked = OnDate(day, code, entity_id)
    status, must = asked.found.statuses[code].get(entity_id), asked.must[code].get(entity_id, "")
    named = all_names(season_year(asked.start)).get(entity_id)
    if not (named or status or must):
        raise Refused(
            f"{entity_id!r} is nobody of the season of {day}; search for a part of the name"
        )
    state, reason, can_retry = status or Status("")
    matched, games = (
        match(entity_id, code, status, must, asked.found),
        tuple(lines(asked, entity_id)),
    )
    from_root = root(entity_id, code, status, asked.found.words)
    return EntityReport(
        entity=entity_id,
        name=named.name if named else entity_id,
        team=asked.team(entity_id),
        day=day,
        code=code,
        state=state,
        reason=reason,
        can_retry=can_retry,
        match=matched,
        must=must,
        root=from_root,
        minimum=MINIMUM.get(code),
        window=WINDOW.get(code),
        games=games,
        played=asked.games(entity_id),
        ahead=tuple(coming(asked, entity_id, games).games),
        explanation=_explanation(asked, status, from_root),
        upstream=_upstream(asked, entity_id),
        outlook=_outlook(asked, entity_id, matched, games),
        sql=asked.question.text,
        statement=inlined(code, day, asked.start, backfill_mode=not asked.live),
    )


def _explanation(asked: OnDate, status: Status | None, from_root: str) -> str:
    """Why it failed, in words."""
    if status is None:
        return (
            "neither a row nor a failure is there"
            if asked.is_written
            else "nothing was run for this date"
        )
    if status.status == ROW:
        return "it has a row"
    category = BY_NAME.get(status.status)
    parts = (
        category.meaning if category else status.status,
        status.reason,
        f"it follows from {from_root}" if from_root else "",
    )
    return "; ".join(part for part in parts if part)


def _upstream(asked: OnDate, name: str) -> tuple[UpstreamStatus, ...]:
    """What the processors before this one say of the same entity; those of teams say nothing of a
    player.
    """
    own = PROCESSORS[asked.code]
    before = [code for code in own.after if PROCESSORS[code].output.entity == own.output.entity]
    said = ((code, asked.found.statuses[code].get(name) or Status("")) for code in before)
    return tuple(UpstreamStatus(code, status.status, status.reason) for code, status in said)


def _outlook(asked: OnDate, name: str, matched: Match, games: Sequence[GameLine]) -> Recovery:
    """When it stops, by the games; of what is not as the games say, that."""
    must = asked.must[asked.code].get(name, "")
    if not must:
        return Recovery(None, None, "it is not of this date's population")
    if matched.is_outside and asked.is_written:
        return Recovery(
            0,
            asked.day,
            f"by the games played it must {_become(must)}: find out why, then run the date again",
        )
    return recovery(
        asked.facts, asked.day, asked.code, name, must, coming(asked, name, games), asked.team(name)
    )


def _become(must: str) -> str:
    return "have a row" if must == ROW else f"fail with {must}"
