"""Report of one entity on one date: the reason for a missing row, and the date of its first row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from backfill.drilldown.entities import Match, match, root
from backfill.drilldown.entity_names import all_names
from backfill.drilldown.entity_season import about
from backfill.drilldown.entity_statuses import OnDate, Status
from backfill.drilldown.schedule import (
    MISSED,
    GameLine,
    GameRole,
    coming,
    lines,
    scheduled_games,
)
from backfill.errors import Refused
from backfill.processors.registry import PROCESSORS
from backfill.processors.render import inlined
from backfill.season_calendar import load_calendar
from validation.categories import BY_NAME
from validation.expectation import ROW, expected
from validation.processor_rules import RULES
from validation.recovery import Recovery, recovery
from validation.season import opened_season_year


@dataclass(frozen=True)
class UpstreamStatus:
    """Status of the entity in an upstream processor on the date; `state` is empty without a row or
    failure.
    """

    code: str
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class EntityReport:
    """Entity on a date. `games` are its team's games before the date, newest first; `played`
    counts the games that the entity played.

    `minimum` and `window` are the processor's: fewest games, and number of newest games examined
    (None: all, or no games at all). `ahead` are the dates of the team's games from the date on.
    `explanation` and `outlook.text` are sentences; `sql` reads the stored status, `statement` is
    the SQL that wrote it.
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
        """Count of the team's games before the date."""
        return len(self.games)

    @property
    def missed(self) -> tuple[GameLine, ...]:
        """Team games that the entity did not play."""
        return tuple(line for line in self.games if line.part in MISSED)

    @property
    def without_row(self) -> tuple[GameLine, ...]:
        """Team games whose row Phase 3 misses, or may miss."""
        return tuple(g for g in self.games if g.part in (GameRole.NOBODY, GameRole.LOST_ROW))


def report_entity(day: date, code: str, entity_id: str) -> EntityReport:
    """Return the report of a player or team on a date. Raises Refused for a date that is not
    processed and for an entity unknown in the season.
    """
    asked = OnDate(day, code, entity_id)
    status, must = asked.found.statuses[code].get(entity_id), asked.must[code].get(entity_id, "")
    named = all_names(opened_season_year(asked.start)).get(entity_id)
    if not (named or status or must):
        raise Refused(
            f"unknown entity {entity_id!r} in the season of {day}; search for a part of the name"
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
        minimum=RULES[code].minimum or None,
        window=RULES[code].window,
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
    """Return the reason of the status as a sentence."""
    if status is None:
        return "no row and no failure stored" if asked.is_written else "no run for this date yet"
    if status.status == ROW:
        return "has a row"
    category = BY_NAME.get(status.status)
    parts = (
        # The reason of a bug repeats the meaning of its category.
        ""
        if category and category.is_bug and status.reason
        else category.meaning
        if category
        else status.status,
        status.reason,
        f"root cause: {from_root}" if from_root else "",
    )
    return "; ".join(part for part in parts if part)


def _upstream(asked: OnDate, name: str) -> tuple[UpstreamStatus, ...]:
    """Return the status of the entity in each upstream processor with the same kind of entity:
    players or teams.
    """
    own = PROCESSORS[asked.code]
    before = [code for code in own.after if PROCESSORS[code].output.entity == own.output.entity]
    statuses = ((code, asked.found.statuses[code].get(name) or Status("")) for code in before)
    return tuple(UpstreamStatus(code, status.status, status.reason) for code, status in statuses)


def _outlook(asked: OnDate, name: str, matched: Match, games: Sequence[GameLine]) -> Recovery:
    """Predict the first row from the games ahead; for an unexpected result, return the expected
    one.
    """
    must = asked.must[asked.code].get(name, "")
    if not must:
        return Recovery(None, None, "not in the population of this date")
    stored = asked.found.statuses[asked.code].get(name)
    if matched.is_outside and asked.is_written and (stored is None or stored.status != must):
        return Recovery(
            0,
            asked.day,
            f"expected to {_outcome(must)}: investigate the difference, then rerun the date",
        )
    found = recovery(
        asked.facts,
        asked.day,
        asked.code,
        name,
        status=must,
        coming=coming(asked, name, games),
        team=asked.team(name),
    )
    return _as_played(asked, name, found)


def _as_played(asked: OnDate, name: str, found: Recovery) -> Recovery:
    """Return the first date by the games played since, where these are known: the player can have
    missed some of them.
    """
    newest = max((f.date for f in scheduled_games(asked.start) if f.is_final), default=asked.day)
    if not found.games or not found.day or found.day > newest:
        return found
    facts, days = about(asked.facts, name), load_calendar().season(opened_season_year(asked.start))
    later = (d.day for d in days if d.is_computed and asked.day < d.day <= newest)
    has_row = (d for d in later if expected(facts, d)[asked.code].get(name) == ROW)
    if (first := next(has_row, None)) == found.day:
        return found
    when = f"on {first}" if first else "not yet"
    return replace(found, day=first, text=f"{found.text}; by the games played since, {when}")


def _outcome(must: str) -> str:
    return "have a row" if must == ROW else f"fail with {must}"
