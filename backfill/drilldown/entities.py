"""Entities of a (processor, date), filtered and paged in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import ceil
from typing import Any

from backfill.drilldown.entity_statuses import HAS_ROW, EntityStatuses, OnDate, Status
from validation.cascade import root_of
from validation.categories import BY_NAME, NEVER_EXPECTED
from validation.expectation import MISSING, ROW

MOST_PER_PAGE = 500


class Match(StrEnum):
    """Comparison of an entity with its expectation. The values appear in URLs
    (`?category=explained`).
    """

    AS_EXPECTED = "as expected"  # a row
    EXPLAINED = "explained"
    IMPOSSIBLE = "impossible"
    UNEXPLAINED = "unexplained"
    LOST = "lost"
    UNACCOUNTED = "unaccounted"
    STRANGE = "strange"

    @property
    def meaning(self) -> str:
        """Description shown as help text."""
        return MEANINGS[self]

    @property
    def is_outside(self) -> bool:
        """True for a result that Phase 3 does not imply."""
        return self not in (Match.AS_EXPECTED, Match.EXPLAINED, Match.IMPOSSIBLE)


MEANINGS = {
    Match.AS_EXPECTED: "has a row, as expected",
    Match.EXPLAINED: "expected failure: too few games played, or such a failure upstream",
    Match.IMPOSSIBLE: "bug: a source row holds an impossible value; correct that row",
    Match.UNEXPLAINED: (
        "unexpected failure: played enough games to succeed, failed with another category, or recent games are missing"
    ),
    Match.LOST: "unexpected success: has a row, but played too few games to have one",
    Match.UNACCOUNTED: "unaccounted: has neither a row nor a failure",
    Match.STRANGE: "bug: outside the population, or has both a row and a failure",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """Entity with `state`: a failure category, ROW, or empty if it has neither. `must` is the
    expected state.

    `root` is the root cause of a missing dependency; `games` counts games before the date.
    """

    name: str
    team: str
    state: str
    reason: str
    can_retry: bool
    match: Match
    must: str
    root: str
    games: int


@dataclass(frozen=True, kw_only=True)
class Page:
    """Page of entities. `tabs` counts entities by state and by match before the search; `total`
    after it.
    """

    day: date
    code: str
    entities: tuple[Entity, ...]
    page: int
    pages: int
    total: int
    tabs: Mapping[str, int]
    whole_date: str
    sql: str


SORTS: dict[str, Callable[[Entity], Any]] = {
    "entity": lambda e: (e.name,),
    "team": lambda e: (e.team, e.name),
    "state": lambda e: (
        list(BY_NAME).index(e.state) if e.state in BY_NAME else len(BY_NAME),
        e.name,
    ),
    "reason": lambda e: (e.reason, e.name),
    "games": lambda e: (e.games, e.name),
    "root": lambda e: (e.root, e.name),
    "match": lambda e: (list(Match).index(e.match), e.name),
}


def list_entities(
    day: date, code: str, *, category: str = "", search: str = "", sort: str = "", descending: bool = False, page: int = 1,
    per_page: int = 50,
) -> Page:  # fmt: skip
    """Return a page of the entities of a (processor, date), most severe first.

    `category` is a failure category, `row`, `failed` (all failures) or a Match, empty for all
    entities; `search` is a part of a name, team or reason; `sort` is one of SORTS. Unknown values
    are ignored, and a page number out of range gives the nearest page. Raises Refused for a date
    that is not processed, WarehouseError.
    """
    asked = OnDate(day, code)
    everybody = all_of(asked)
    found = narrowed(everybody, category=category, search=search, sort=sort, descending=descending)
    per_page = max(1, min(per_page, MOST_PER_PAGE))
    pages = max(1, ceil(len(found) / per_page))
    page = max(1, min(page, pages))
    shown = tuple(found[(page - 1) * per_page : page * per_page])
    whole_date = asked.found.whole_date.get(code, "")
    return Page(
        day=day,
        code=code,
        entities=shown,
        page=page,
        pages=pages,
        total=len(found),
        tabs=_tabs(everybody),
        whole_date=whole_date,
        sql=asked.question.text,
    )


def chosen(day: date, code: str, **asked: Any) -> list[Entity]:
    """Return all entities that match `category` and `search`, sorted. Raises as `list_entities`."""
    return narrowed(all_of(OnDate(day, code)), **asked)


def narrowed(
    everybody: Iterable[Entity],
    *,
    category: str = "",
    search: str = "",
    sort: str = "",
    descending: bool = False,
) -> list[Entity]:
    """Filter and sort entities."""
    found = [e for e in everybody if _is(e, category) and _contains(e, search.strip().lower())]
    return sorted(found, key=SORTS.get(sort, _severity), reverse=descending and sort in SORTS)


def all_of(asked: OnDate) -> list[Entity]:
    """Return all entities with a row, a failure, or an expected one."""
    must, there, words = asked.must[asked.code], asked.found.statuses[asked.code], asked.found.words
    names = {*there, *(must if asked.is_written else ())}
    return [
        _entity(
            asked,
            name,
            there.get(name),
            must.get(name, ""),
            root(name, asked.code, there.get(name), words),
        )
        for name in names
    ]


def _entity(asked: OnDate, name: str, status: Status | None, must: str, root: str) -> Entity:
    state, reason, can_retry = status or ("", "", False)
    found = match(name, asked.code, status, must, asked.found)
    return Entity(
        name=name,
        team=asked.team(name),
        state=state,
        reason=reason,
        can_retry=can_retry,
        match=found,
        must=must,
        root=root,
        games=asked.games(name),
    )


def match(name: str, code: str, status: Status | None, must: str, found: EntityStatuses) -> Match:
    """Compare the status of an entity with its expected status."""
    if not must or name in found.both.get(code, ()):
        return Match.STRANGE
    if status is None:
        return Match.UNACCOUNTED
    if status.status == must:
        return (
            Match.AS_EXPECTED
            if status == HAS_ROW
            else Match.IMPOSSIBLE
            if BY_NAME[must].is_bug
            else Match.UNEXPLAINED
            if must in NEVER_EXPECTED
            else Match.EXPLAINED
        )
    return Match.LOST if status == HAS_ROW else Match.UNEXPLAINED


def root(
    name: str, code: str, status: Status | None, words: Mapping[str, Mapping[str, str]]
) -> str:
    """Return the upstream root cause of a missing dependency: `PSZA: INSUFFICIENT_DATA`."""
    found = root_of(name, code, words) if status and status.status == MISSING else None
    return f"{found.processor}: {found.category}" if found else ""


def _severity(entity: Entity) -> tuple[object, ...]:
    bug = entity.state in BY_NAME and BY_NAME[entity.state].is_bug
    return (
        not entity.match.is_outside,
        not bug,
        entity.state in ("", ROW),
        entity.state,
        entity.name,
    )


def _is(entity: Entity, category: str) -> bool:
    if category == "failed":
        return entity.state in BY_NAME
    known = category in BY_NAME or category == ROW or category in set(Match)
    return not known or category in (entity.state, entity.match)


def _contains(entity: Entity, part: str) -> bool:
    # Keys contain no spaces, names do.
    texts = (
        part.replace(" ", "") in entity.name,
        part in entity.team.lower(),
        part in entity.reason.lower(),
    )
    return not part or any((*texts, part in entity.name.lower()))


def _tabs(everybody: Iterable[Entity]) -> dict[str, int]:
    """Count entities by state, in the order of the categories, then by match; without zeros."""
    counts = Counter(name for entity in everybody for name in (entity.state, str(entity.match)))
    failed = {"failed": sum(counts[name] for name in BY_NAME)}
    return {
        name: n
        for name in ("failed", *BY_NAME, ROW, *map(str, Match))
        if (n := failed.get(name) or counts[name])
    }
