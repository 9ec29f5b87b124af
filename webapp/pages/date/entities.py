"""Entity table of a (processor, date), and the report of one entity."""

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
from backfill.models import Finding, Run
from backfill.processors.registry import CHAIN, PROCESSORS, unknown_processor
from backfill.season_calendar import season_year
from backfill.warehouse.tables import UPGC
from validation.cascade import NOTHING
from validation.categories import BY_NAME
from validation.expectation import ROW
from validation.findings import kinds
from validation.processor_rules import RULES
from webapp.ui import links
from webapp.ui.query_params import Choice, whole
from webapp.ui.tables import PAGE_SIZES, ListColumn, Pager, page_size, parse_order

AHEAD = 5
OUTSIDER = "outsider"  # state of an entity outside the population, without row or failure
COLUMNS = (
    ListColumn(heading="Entity", order="entity"),
    ListColumn(heading="Team", order="team"),
    ListColumn(heading="State", order="state"),
    ListColumn(heading="Reason", order="reason"),
    ListColumn(heading="Result", order="match"),
    ListColumn(heading="Root cause", order="root"),
    ListColumn(heading="Games before", order="games", numeric=True),
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
TAB_WORDS = {"failed": "Failures", ROW: "Rows"}


def known(code: str) -> str:
    """Return a processor's code from a URL. Raises Http404 with the valid codes."""
    if code in PROCESSORS:
        return code
    raise Http404(unknown_processor(code))


@dataclass(frozen=True, kw_only=True)
class EntityFilters:
    """Filters, order and page of an entity table, from a query string."""

    category: str = ""
    q: str = ""
    sort: str = ""
    page: int = 1
    size: int = PAGE_SIZES[0]

    @classmethod
    def of(cls, query: QueryDict) -> EntityFilters:
        """Parse a query string. Raises Refused."""
        sort = parse_order(query, SORTS, "entities")
        category = query.get("category", "")
        if category and category not in (*BY_NAME, *map(str, Match), *TAB_WORDS):
            raise Refused(
                f"unknown category {category!r}; choose from {', '.join((*BY_NAME, *TAB_WORDS))}"
            )
        return cls(
            category=category,
            q=query.get("q", "").strip()[:200],
            sort=sort,
            page=whole(query.get("page"), "page", 1),
            size=page_size(query),
        )

    @property
    def given(self) -> dict[str, Any]:
        """Return the arguments of `backfill.drilldown`, without the page."""
        sort = {"sort": self.sort.removeprefix("-"), "descending": self.sort.startswith("-")}
        return {"category": self.category, "search": self.q, **sort}

    def url(self, path: str, **other: object) -> str:
        """Return a path with these filters; the first page unless `other` names one."""
        return links.with_query(
            path,
            **{
                "category": self.category,
                "q": self.q,
                "sort": self.sort,
                "size": "" if self.size == PAGE_SIZES[0] else self.size,
                **other,
            },
        )


@dataclass(frozen=True, kw_only=True)
class EntityRow:
    """Entity with a link to its report; `url` is empty for an empty ID. `reason` is without the
    date of the page.
    """

    entity: Entity
    name: str
    url: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Tab:
    """A category of entities and their number."""

    words: str
    state: str
    count: int
    url: str
    here: bool


def context(day: date, code: str, query: QueryDict) -> dict[str, Any]:
    """Return the template context of one page of entities. Raises Refused, WarehouseError."""
    filters = EntityFilters.of(query)
    page, here = (
        list_entities(day, code, page=filters.page, per_page=filters.size, **filters.given),
        reverse("entities", args=[day, code]),
    )
    names = all_names(season_year(day))
    return {
        "day": day,
        "code": code,
        "processor": PROCESSORS[code],
        "page": page,
        "filters": filters,
        "here": here,
        "lines": [
            EntityRow(
                entity=e,
                name=_name(e, names),
                url=entity_url(day, code, e.name, filters),
                reason=e.reason.removesuffix(f" before {day}"),
            )
            for e in page.entities
        ],
        "tabs": list(_tabs(page, filters, here)),
        "has_run": Run.objects.filter(processor=code, date=day).exists(),
        "columns": COLUMNS,
        "csv": filters.url(reverse("entities_csv", args=[day, code])),
        "codes": _codes(day, code),
        "pager": Pager.at(
            page.page, filters.size, len(page.entities), page.total, more=page.page < page.pages
        ),
    }


def _name(entity: Entity, names: Mapping[str, EntityName]) -> str:
    return names[entity.name].name if entity.name in names else entity.name


def _codes(day: date, code: str) -> list[Choice]:
    return [Choice(other, reverse("entities", args=[day, other]), other == code) for other in CHAIN]


def _tabs(page: Page, filters: EntityFilters, here: str) -> Iterator[Tab]:
    total = sum(page.tabs.get(match, 0) for match in map(str, Match))
    yield Tab(
        words="All",
        state="",
        count=total,
        url=filters.url(here, category=""),
        here=not filters.category,
    )
    for name, n in page.tabs.items():
        state = name if name in set(Match) else ""
        yield Tab(
            words="" if state else TAB_WORDS.get(name, name),
            state=state,
            count=n,
            url=filters.url(here, category=name),
            here=filters.category == name,
        )


def entity_url(day: date, code: str, name: str, filters: EntityFilters | None = None) -> str:
    """Return the URL of an entity report with the filters of its list; empty for an empty ID."""
    path = links.named("entity", day, code, name)
    return filters.url(path) if filters and path else path


def csv_rows(day: date, code: str, filters: EntityFilters) -> Iterator[tuple[Any, ...]]:
    """Yield every matching entity as a row of a file. Raises Refused, WarehouseError."""
    names = all_names(season_year(day))
    for e in chosen(day, code, **filters.given):
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


@dataclass(frozen=True, kw_only=True)
class Link:
    """Processor in the cascade of an entity. `is_root` marks the root cause of the failure."""

    code: str
    state: str
    reason: str
    url: str
    is_root: bool
    is_own: bool

    @property
    def sign(self) -> str:
        """Return the displayed state: row, failure or nothing."""
        return (
            "complete" if self.state == ROW else "failed" if self.state in BY_NAME else "no games"
        )


def report_of(day: date, code: str, name: str) -> EntityReport:
    """Return the report of one entity. Raises Http404 for an unknown one, WarehouseError."""
    try:
        return report_entity(day, code, name)
    except Refused as error:
        raise Http404(str(error)) from None


def entity_context(report: EntityReport, query: QueryDict) -> dict[str, Any]:
    """Return the template context of an entity report."""
    filters = EntityFilters.of(query)
    place = report.day, report.code
    ahead = [day for day in report.ahead if day > report.day]
    return {
        "report": report,
        "day": report.day,
        "sentence": sentence(report),
        "chain": list(cascade(report)),
        "filters": filters,
        "list_url": filters.url(reverse("entities", args=place)),
        "is_team": report.team == report.entity,
        "ahead": ahead[:AHEAD],
        "ahead_more": max(0, len(ahead) - AHEAD),
        "adjacent_url": filters.url(reverse("entity_neighbors", args=[*place, report.entity])),
        "processor": PROCESSORS[report.code],
        "player_url": links.named("player", season_year(report.day), report.entity),
        "sign": str(report.match) if report.must or report.state else OUTSIDER,
        "examined": sum(line.in_window and not line.is_bad for line in report.games),
        "missing_rows": _missing_rows(report),
    }


def _missing_rows(report: EntityReport) -> dict[date, Finding]:
    """Return the finding about the Phase 3 rows of each game without a row."""
    wanted = (kinds.PHASE3_MISSING.name, kinds.LOW_COVERAGE.name)
    found = Finding.objects.listed().filter(season=season_year(report.day), kind__in=wanted)
    by_day = {date.fromisoformat(day): f for f in found for day in f.dates}
    return {g.date: by_day[g.date] for g in report.without_row if g.date in by_day}


def sentence(report: EntityReport) -> str:
    """Return the entity's result and its reason as one sentence."""
    place = f"{report.code} on {report.day}"
    if report.state == ROW:
        return f"{report.name} has a {report.code} row on {report.day}."
    if report.state:
        return f"{report.name} failed in {place}, {report.state}: {report.explanation}."
    expected = "" if report.must else "; none is expected"
    return f"{report.name} is not in {place}: {_missing_reason(report)}{expected}."


def _missing_reason(report: EntityReport) -> str:
    """Return the reason of an entity without row and failure: without a context row, a player with
    a game on the date is outside the population.
    """
    if report.must or not RULES[report.code].by_context or report.day not in report.ahead:
        return report.explanation
    return f"no row in {UPGC} for this date"


def cascade(report: EntityReport) -> Iterator[Link]:
    """Yield the entity's status in each upstream processor, then in its own."""
    own = UpstreamStatus(report.code, report.state, report.reason)
    for status in (*report.upstream, own):
        is_root = report.root == f"{status.code}: {status.state or NOTHING}" or (
            status is own and report.state in BY_NAME and not report.root
        )
        yield Link(
            code=status.code,
            state=status.state,
            reason=status.reason,
            url=entity_url(report.day, status.code, report.entity),
            is_root=is_root,
            is_own=status is own,
        )


def neighbors(day: date, code: str, name: str, query: QueryDict) -> dict[str, Any]:
    """Return the previous and next entity of the filtered list. Raises Refused, WarehouseError."""
    filters = EntityFilters.of(query)
    names = [e.name for e in chosen(day, code, **filters.given)]
    place = names.index(name) if name in names else -1
    adjacent = {
        "before": names[place - 1] if place > 0 else "",
        "after": names[place + 1] if 0 <= place < len(names) - 1 else "",
    }
    known = all_names(season_year(day))
    urls = {
        side: (
            known[other].name if other in known else other,
            entity_url(day, code, other, filters),
        )
        if other
        else None
        for side, other in adjacent.items()
    }
    return {**urls, "position": f"{place + 1:,} of {len(names):,}" if place >= 0 else ""}
