"""The entities of a (processor, date) as a table, and the story of one of them, as the pages show
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import Http404, QueryDict
from django.urls import reverse

from backfill.drilldown.entities import SORTS, Entity, Match, Page, chosen, list_entities
from backfill.drilldown.entity_names import EntityName, all_names
from backfill.drilldown.entity_report import EntityReport, UpstreamStatus, report_entity
from backfill.errors import Refused
from backfill.processors.registry import CHAIN, PROCESSORS, unknown_processor
from validation.cascade import NOTHING
from validation.categories import BY_NAME
from validation.expectation import ROW
from validation.season import season_year
from webapp.ui import links
from webapp.ui.query_params import Choice, whole

PER_PAGE = 50
AHEAD = 5
OUTSIDER = "outsider"  # the state of whom nothing is there, rightly
# Heading, name of its order, whether it is a number.
COLUMNS = (
    ("Entity", "entity", False),
    ("Team", "team", False),
    ("Became", "state", False),
    ("Reason", "reason", False),
    ("Against expectation", "match", False),
    ("Root upstream", "root", False),
    ("Games before", "games", True),
)
CSV = (
    "entity",
    "name",
    "team",
    "state",
    "reason",
    "can_retry",
    "expectation",
    "must",
    "root",
    "games_before",
)
TAB_WORDS = {"failed": "Failed", ROW: "Has a row"}


def known(code: str) -> str:
    """A processor's code out of a URL. Raises Http404 with the choice there is."""
    if code in PROCESSORS:
        return code
    raise Http404(unknown_processor(code))


@dataclass(frozen=True)
class EntityFilters:
    """What of the entities a query string asks for."""

    category: str = ""
    q: str = ""
    sort: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: QueryDict) -> EntityFilters:
        """Read it. Raises Refused."""
        sort = query.get("sort", "")
        if sort and sort.removeprefix("-") not in SORTS:
            raise Refused(f"entities are sorted by {', '.join(SORTS)}, not by {sort!r}")
        category = query.get("category", "")
        if category and category not in (*BY_NAME, *map(str, Match), *TAB_WORDS):
            raise Refused(
                f"{category!r} is no category; choose from {', '.join((*BY_NAME, *TAB_WORDS))}"
            )
        return cls(
            category, query.get("q", "").strip()[:200], sort, whole(query.get("page"), "page", 1)
        )

    @property
    def given(self) -> dict[str, Any]:
        """As `backfill.drilldown` takes it, without the page."""
        sort = {"sort": self.sort.removeprefix("-"), "descending": self.sort.startswith("-")}
        return {"category": self.category, "search": self.q, **sort}

    def url(self, path: str, **other: object) -> str:
        """The same question, or another one, at a path; the first page unless one is named."""
        return links.with_query(
            path, **{"category": self.category, "q": self.q, "sort": self.sort, **other}
        )


@dataclass(frozen=True)
class EntityRow:
    """One entity with where it leads; no URL where its name cannot stand in one."""

    entity: Entity
    name: str
    url: str


@dataclass(frozen=True)
class Tab:
    """A part of the entities, with how many they are."""

    words: str
    state: str
    count: int
    url: str
    here: bool


@dataclass(frozen=True)
class Column:
    """A heading. `url` sorts by it, or turns the order round; `sorted` is what aria-sort says."""

    words: str
    url: str
    sorted: str
    is_number: bool


def context(day: date, code: str, query: QueryDict) -> dict[str, Any]:
    """The page of entities that a query string asks for. Raises Refused, WarehouseError."""
    asked = EntityFilters.of(query)
    page, here = (
        list_entities(day, code, page=asked.page, per_page=PER_PAGE, **asked.given),
        reverse("entities", args=[day, code]),
    )
    names = all_names(season_year(day))
    return {
        "day": day,
        "code": code,
        "processor": PROCESSORS[code],
        "page": page,
        "asked": asked,
        "here": here,
        "lines": [
            EntityRow(e, _name(e, names), entity_url(day, code, e.name, asked))
            for e in page.entities
        ],
        "tabs": list(_tabs(page, asked, here)),
        "columns": list(_columns(asked, here)),
        "csv": asked.url(reverse("entities_csv", args=[day, code])),
        "codes": _codes(day, code),
        "newer": asked.url(here, page=page.page - 1) if page.page > 1 else "",
        "older": asked.url(here, page=page.page + 1) if page.page < page.pages else "",
    }


def _name(entity: Entity, names: Mapping[str, EntityName]) -> str:
    return names[entity.name].name if entity.name in names else entity.name


def _codes(day: date, code: str) -> list[Choice]:
    return [Choice(other, reverse("entities", args=[day, other]), other == code) for other in CHAIN]


def _tabs(page: Page, asked: EntityFilters, here: str) -> Iterator[Tab]:
    everyone = sum(page.tabs.get(match, 0) for match in map(str, Match))
    yield Tab("Everybody", "", everyone, asked.url(here, category=""), not asked.category)
    for name, n in page.tabs.items():
        state = name if name in set(Match) else ""
        yield Tab(
            "" if state else TAB_WORDS.get(name, name),
            state,
            n,
            asked.url(here, category=name),
            asked.category == name,
        )


def _columns(asked: EntityFilters, here: str) -> Iterator[Column]:
    for words, name, is_number in COLUMNS:
        is_sorted = asked.sort.removeprefix("-") == name
        direction = (
            "" if not is_sorted else "descending" if asked.sort.startswith("-") else "ascending"
        )
        yield Column(
            words,
            asked.url(here, sort=f"-{name}" if asked.sort == name else name),
            direction,
            is_number,
        )


def entity_url(day: date, code: str, name: str, asked: EntityFilters | None = None) -> str:
    """The story of an entity, which keeps the list that it was opened from; empty for a name that
    no URL can hold.
    """
    path = links.named("entity", day, code, name)
    return asked.url(path) if asked and path else path


def csv_rows(day: date, code: str, asked: EntityFilters) -> Iterator[tuple[Any, ...]]:
    """All that is asked for, however many, as the rows of a file. Raises Refused, WarehouseError."""
    names = all_names(season_year(day))
    for e in chosen(day, code, **asked.given):
        yield (
            e.name,
            _name(e, names),
            e.team,
            e.state,
            e.reason,
            e.can_retry,
            str(e.match),
            e.must,
            e.root,
            e.games,
        )


# One of them


@dataclass(frozen=True)
class Link:
    """One processor of the cascade. `is_root` where the failure comes from."""

    code: str
    state: str
    reason: str
    url: str
    is_root: bool
    is_own: bool

    @property
    def sign(self) -> str:
        """Which state is shown: a row, a failure, or nothing."""
        return (
            "complete" if self.state == ROW else "failed" if self.state in BY_NAME else "no games"
        )


def told(day: date, code: str, name: str) -> EntityReport:
    """The story of one entity. Raises Http404 for whom there is none of, WarehouseError."""
    try:
        return report_entity(day, code, name)
    except Refused as error:
        raise Http404(str(error)) from None


def entity_context(story: EntityReport, query: QueryDict) -> dict[str, Any]:
    """What the story shows."""
    asked = EntityFilters.of(query)
    place = story.day, story.code
    return {
        "story": story,
        "day": story.day,
        "sentence": sentence(story),
        "chain": list(cascade(story)),
        "asked": asked,
        "list_url": asked.url(reverse("entities", args=place)),
        "is_team": story.team == story.entity,
        "ahead": story.ahead[:AHEAD],
        "ahead_more": max(0, len(story.ahead) - AHEAD),
        "beside_url": asked.url(reverse("entity_neighbours", args=[*place, story.entity])),
        "processor": PROCESSORS[story.code],
        "player_url": links.named("player", season_year(story.day), story.entity),
        "sign": str(story.match) if story.must or story.state else OUTSIDER,
        "examined": sum(line.in_window for line in story.games),
    }


def sentence(story: EntityReport) -> str:
    """Who, what and why, in one sentence."""
    if story.state == ROW:
        return f"{story.name} has a row of {story.code} on {story.day}."
    if story.state:
        return f"{story.name} has no row of {story.code} on {story.day}, {story.state}: {story.explanation}."
    must = "" if story.must else ", and none must be"
    return f"{story.name} is not in {story.code} on {story.day}: {story.explanation}{must}."


def cascade(story: EntityReport) -> Iterator[Link]:
    """What each processor before it says of the same entity, and this one last."""
    own = UpstreamStatus(story.code, story.state, story.reason)
    for said in (*story.upstream, own):
        is_root = story.root == f"{said.code}: {said.state or NOTHING}" or (
            said is own and story.state in BY_NAME and not story.root
        )
        yield Link(
            said.code,
            said.state,
            said.reason,
            entity_url(story.day, said.code, story.entity),
            is_root,
            said is own,
        )


def neighbours(day: date, code: str, name: str, query: QueryDict) -> dict[str, Any]:
    """The entity before and after one in the list that it was opened from. Raises Refused,
    WarehouseError.
    """
    asked = EntityFilters.of(query)
    names = [e.name for e in chosen(day, code, **asked.given)]
    place = names.index(name) if name in names else -1
    found = {
        "before": names[place - 1] if place > 0 else "",
        "after": names[place + 1] if 0 <= place < len(names) - 1 else "",
    }
    around = {
        which: (other, entity_url(day, code, other, asked)) if other else None
        for which, other in found.items()
    }
    return {**around, "where": f"{place + 1:,} of {len(names):,} in the list" if place >= 0 else ""}
