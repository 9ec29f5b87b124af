"""The entities of one (processor, date), a page of them: thousands are read at once and filtered
here.
"""

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
from validation.categories import BY_NAME
from validation.expectation import MISSING, ROW

MOST_PER_PAGE = 500


class Match(StrEnum):
    """How what became of an entity holds against what must, by the games played."""

    AS_EXPECTED = "as expected"  # a row
    EXPLAINED = "explained"
    IMPOSSIBLE = "impossible"
    UNEXPLAINED = "unexplained"
    LOST = "lost"
    UNACCOUNTED = "unaccounted"
    STRANGE = "strange"

    @property
    def meaning(self) -> str:
        """The same as a sentence."""
        return MEANINGS[self]

    @property
    def is_outside(self) -> bool:
        """Whether it is not as Phase 3 implies."""
        return self not in (Match.AS_EXPECTED, Match.EXPLAINED, Match.IMPOSSIBLE)


MEANINGS = {
    Match.AS_EXPECTED: "has a row, as it must",
    Match.EXPLAINED: "fails, as it must by the games played",
    Match.IMPOSSIBLE: "fails, as it must while a source row holds an impossible value: that row wants somebody",
    Match.UNEXPLAINED: "fails, and by the games played must not, or otherwise",
    Match.LOST: "has a row, and by the games played must fail",
    Match.UNACCOUNTED: "has neither a row nor a failure",
    Match.STRANGE: "has a row or a failure, and is not of the population or has both",
}


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity: `state` is a failure category, ROW, or empty when it has neither. `must` is what
    it must be.

    `root` names what a missing dependency comes from; `games` are those before the date.
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


@dataclass(frozen=True)
class Page:
    """A page of entities. `tabs` counts them by state and by match, before the search; `total`
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
    """The entities of one (processor, date), what wants a look first.

    `category` is a failure category, `row`, `failed` (all of them) or a Match, empty for everybody;
    `search` a part of a
    name, team or reason; `sort` one of SORTS. What none of these knows changes nothing, and a page
    that is not there is
    the nearest one. Raises Refused for a date that is not processed, WarehouseError.
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
        day, code, shown, page, pages, len(found), _tabs(everybody), whole_date, asked.question.text
    )


def chosen(day: date, code: str, **asked: Any) -> list[Entity]:
    """All whom `category`, `search`, `sort` and `descending` name, in order, however many there
    are. Raises as `entities`.
    """
    return narrowed(all_of(OnDate(day, code)), **asked)


def narrowed(
    everybody: Iterable[Entity],
    *,
    category: str = "",
    search: str = "",
    sort: str = "",
    descending: bool = False,
) -> list[Entity]:
    """Those asked for, in the order asked for."""
    found = [e for e in everybody if _is(e, category) and _says(e, search.strip().lower())]
    return sorted(found, key=SORTS.get(sort, _worst_first), reverse=descending and sort in SORTS)


def all_of(asked: OnDate) -> list[Entity]:
    """Everybody with a row or a failure, and who must have one."""
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
        name, asked.team(name), state, reason, can_retry, found, must, root, asked.games(name)
    )


def match(name: str, code: str, status: Status | None, must: str, found: EntityStatuses) -> Match:
    """Hold what became of an entity against what must."""
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
            else Match.EXPLAINED
        )
    return Match.LOST if status == HAS_ROW else Match.UNEXPLAINED


def root(
    name: str, code: str, status: Status | None, words: Mapping[str, Mapping[str, str]]
) -> str:
    """The failure upstream that a missing dependency follows from: `PSZA: INSUFFICIENT_DATA`."""
    found = root_of(name, code, words) if status and status.status == MISSING else None
    return f"{found.processor}: {found.category}" if found else ""


def _worst_first(entity: Entity) -> tuple[object, ...]:
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


def _says(entity: Entity, part: str) -> bool:
    # Keys are written without spaces, names with them.
    texts = (
        part.replace(" ", "") in entity.name,
        part in entity.team.lower(),
        part in entity.reason.lower(),
    )
    return not part or any((*texts, part in entity.name.lower()))


def _tabs(everybody: Iterable[Entity]) -> dict[str, int]:
    """States in the order of the categories, then matches; only those that somebody has."""
    counts = Counter(name for entity in everybody for name in (entity.state, str(entity.match)))
    failed = {"failed": sum(counts[name] for name in BY_NAME)}
    return {
        name: n
        for name in ("failed", *BY_NAME, ROW, *map(str, Match))
        if (n := failed.get(name) or counts[name])
    }
