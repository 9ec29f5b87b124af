"""Links of the panel's pages, found in their HTML and followed page by page."""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

HTMX = {"HX-Request": "true"}
# Static files are no pages, and the pages below /admin/ are Django's.
ELSEWHERE = ("/static/", "/admin/")
# Pages whose links are followed once per season.
ONE_SEASON = (
    "rates",
    "rates_entities",
    "triage",
    "coverage",
    "backfill_new",
    "retries",
    "query",
    "home",
    "players",
)
EACH = {"topic": "topic", "job": "number", "finding": "pk"}
JSON = re.compile(r"<script[^>]*application/json[^>]*>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Link:
    """Link or form on a page. `page` is the browser's URL, `fields` are the form's values."""

    page: str
    url: str
    text: str = ""
    method: str = "GET"
    is_fragment: bool = False
    can_submit: bool = True
    is_menu: bool = False
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.url).query, keep_blank_values=True)

    @property
    def name(self) -> str:
        """Name of the URL pattern, empty if none matches."""
        return _resolved(self.path)[0]

    @property
    def kind(self) -> tuple[object, ...]:
        """Parts that links of the same template line share."""
        name, query = self.name, self.query
        page_season = parse_qs(urlsplit(self.page).query).get("season", [""])[0]
        each = _resolved(self.path)[1]
        season = query.get("season", [page_season if name in ONE_SEASON else ""])
        values = (*season, *query.get("preset", ()))
        is_odd = "%" in self.path
        return (name, frozenset(query), values, each, is_odd, self.method, self.is_fragment)


@cache
def _resolved(path: str) -> tuple[str, str]:
    """Return the name of a URL and the value that selects the page; cached, for grids."""
    try:
        found = resolve(path)
    except Resolver404:
        return "", ""
    name = found.url_name or ""
    return name, str(found.kwargs.get(EACH.get(name, ""), ""))


@dataclass
class _Reader(HTMLParser):
    """Collector of the links and forms of one page."""

    page: str
    found: list[dict[str, Any]] = field(default_factory=list)
    open_links: list[dict[str, Any]] = field(default_factory=list)
    open_form: dict[str, Any] | None = None
    is_menu: bool = False
    is_disabled: bool = False

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def _add(self, url: str, **more: Any) -> dict[str, Any]:
        link = {"url": urljoin(self.page, url), "text": "", "is_menu": self.is_menu, **more}
        self.found.append(link)
        return link

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "nav" and given.get("aria-label") == "Main":
            self.is_menu = True
        if tag == "a" and "href" in given and not given["href"].startswith("#"):
            self.open_links.append(self._add(given["href"]))
        for name, method in (("hx-get", "GET"), ("hx-post", "POST")):
            if name in given and tag != "form":  # a form is added below, with its fields
                sent = [(given["name"], given.get("value", ""))] if "name" in given else []
                self._add(given[name], method=method, is_fragment=True, fields=sent)
        if tag == "form":
            method = given.get("method", "get").upper()
            self.open_form = self._add(
                given.get("action") or self.page, method=method, can_submit=False, fields=[]
            )
        elif self.open_form is not None:
            self._add_to_form(tag, given)

    def _add_to_form(self, tag: str, given: dict[str, str]) -> None:
        form = self.open_form or {}
        self.is_disabled |= tag == "fieldset" and "disabled" in given
        # A pick only fills in the form, which every role may do.
        if (
            tag == "button"
            and given.get("type", "submit") == "submit"
            and given.get("name") != "pick"
        ):
            form["can_submit"] |= "disabled" not in given and not self.is_disabled
        if tag == "input" and given.get("type") == "hidden" and "name" in given:
            form["fields"].append((given["name"], given.get("value", "")))

    def handle_data(self, data: str) -> None:
        for link in self.open_links:
            link["text"] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self.open_links:
            self.open_links.pop()
        elif tag == "form":
            self.open_form = None
        elif tag == "fieldset":
            self.is_disabled = False
        elif tag == "nav":
            self.is_menu = False


def links_of(page: str, html: str) -> Iterator[Link]:
    """Yield the links of a page to pages of the same site, those of its charts too."""
    reader = _Reader(page)
    reader.feed(html)
    charts = [url for text in JSON.findall(html) for url in _addresses(json.loads(text))]
    for link in (*reader.found, *({"url": urljoin(page, url)} for url in charts)):
        address = urlsplit(link["url"])
        if address.netloc or address.scheme or address.path.startswith(ELSEWHERE):
            continue
        text = " ".join(link.get("text", "").split())
        fields = tuple(link.get("fields", ()))
        yield Link(**{**link, "page": page, "text": text, "fields": fields})


def _addresses(value: Any) -> Iterator[str]:
    """Yield the URLs at the end of the rows of a chart's data."""
    if isinstance(value, str) and value.startswith("/"):
        yield value
    elif isinstance(value, list | dict):
        for item in value if isinstance(value, list) else value.values():
            yield from _addresses(item)


@dataclass(frozen=True)
class Visit:
    """Link with its answer."""

    link: Link
    answer: Any

    @property
    def url(self) -> str:
        """URL in the browser after following the link; a fragment request leaves it unchanged."""
        if self.link.is_fragment:
            return self.link.page
        chain = getattr(self.answer, "redirect_chain", None)
        return str(chain[-1][0]) if chain else self.link.url


def follow(browser: Client, link: Link) -> Visit:
    """GET the link's URL."""
    url = link.url.partition("#")[0]
    headers = HTMX if link.is_fragment else {}
    answer = browser.get(url, headers=headers, follow=True)
    if answer.streaming:
        # Read to its end: until then a download counts for the limit of its user.
        answer.streaming_content = [answer.getvalue()]
    return Visit(link, answer)


def walk(browser: Client, starts: Iterable[str]) -> tuple[list[Visit], list[Link]]:
    """Follow the links of all pages, one of each kind; return the visits and the POST targets."""
    queue = deque(Link(page=url, url=url) for url in starts)
    seen: Counter[tuple[object, ...]] = Counter()
    visits: list[Visit] = []
    posts: list[Link] = []
    tried: set[tuple[str, str, bool]] = set()
    while queue:
        link = queue.popleft()
        address = (link.method, link.url.partition("#")[0], link.is_fragment)
        if address in tried or (link.page != link.url and seen[link.kind]):
            continue
        tried.add(address)
        seen[link.kind] += 1
        if link.method == "POST":
            posts.append(link)
            continue
        visit = follow(browser, link)
        visits.append(visit)
        if "text/html" in visit.answer.headers.get("Content-Type", ""):
            queue.extend(links_of(visit.url, visit.answer.content.decode()))
    return visits, posts
