"""Full-text search over the rendered topics: headings, paragraphs and table rows with an id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from html.parser import HTMLParser
from typing import NamedTuple

from django.template.loader import render_to_string
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

from webapp.pages.guide import tables, topics

# Points of one word in the title of a topic, in a heading and in the text: a hit in a better field
# outranks any number of words in the next one, up to the longest search.
TITLE, HEADING, TEXT = 10_000, 100, 1
MOST_WORDS = 10
MOST_HITS = 40
EXCERPT = 180
BEFORE = 60
BREAK = "·"
# Words that people bring from the runbook and from earlier releases.
SYNONYMS = {
    "brake": "pause on error",
    "cap": "concurrency limit",
    "credential": "token",
    "hole": "gap",
    "outdated": "stale",
    "parallel": "concurrency limit",
    "password": "roles",
    "shortcut": "keyboard",
}
VOID = {"br", "hr", "img", "input", "use", "wbr"}
WORD = re.compile(r"[^\W_]+")


class Entry(NamedTuple):
    """One heading of a topic, or one table row with an id, and its text."""

    topic: topics.Topic
    anchor: str
    heading: str
    text: str


class Hit(NamedTuple):
    """One entry that has all words; its texts are HTML with the words in <mark>."""

    entry: Entry
    topic: SafeString
    heading: SafeString
    excerpt: SafeString

    @property
    def url(self) -> str:
        """Return the address of its heading."""
        return topics.url(self.entry.topic.slug, self.entry.anchor)


@dataclass(frozen=True)
class Suggestion:
    """Search that has results."""

    words: str
    count: int


class _TopicParser(HTMLParser):
    """Split a topic into entries at h2, tr and dt elements with an id."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: list[list[str]] = [["", "", ""]]  # anchor, heading, text
        self.rows: list[list[str]] = []
        self.in_row = False
        self.heading_of: list[str] | None = None
        self.stack: list[bool] = []  # hidden or not, of every open element

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add(" ")
        given = dict(attrs)
        anchor = given.get("id") or ""
        if tag == "h2":
            self.sections.append([anchor, "", ""])
            self.in_row, self.heading_of = False, self.sections[-1]
        elif tag in {"tr", "dt"} and anchor:
            self.in_row = True
            self.rows.append([anchor, "", ""])
            self.heading_of = self.rows[-1] if tag == "dt" else None
        elif tag == "th" and self.in_row and not self.rows[-1][1]:
            self.heading_of = self.rows[-1]
        if tag not in VOID:
            hidden = (
                tag == "caption" or given.get("aria-hidden") == "true" or "data-unindexed" in given
            )
            self.stack.append(hidden or (bool(self.stack) and self.stack[-1]))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"h2", "th", "dt"}:
            self.heading_of = None
        if tag in {"tbody", "dl"}:
            self.in_row = False
        if self.stack and tag not in VOID:
            self.stack.pop()
        self._add(f" {BREAK} " if tag in {"td", "th", "li", "dd"} else " ")

    def handle_data(self, data: str) -> None:
        if not (self.stack and self.stack[-1]):
            self._add(data)

    def _add(self, text: str) -> None:
        if self.heading_of is not None:
            self.heading_of[1] += text
        else:
            (self.rows if self.in_row else self.sections)[-1][2] += text

    def entries(self, topic: topics.Topic) -> Iterator[Entry]:
        """Yield the introduction with the summary of the topic, the sections and the rows."""
        for anchor, heading, text in (*self.sections, *self.rows):
            introduction = f"{topic.summary} " if not anchor else ""
            yield Entry(topic, anchor, _clean(heading), introduction + _clean(text))


def _clean(text: str) -> str:
    """Return a text with single spaces and one break between two cells."""
    parts = (" ".join(part.split()) for part in text.split(BREAK))
    return re.sub(r" (?=[.,;:!?)])", "", f" {BREAK} ".join(filter(None, parts)))


@cache
def entries() -> tuple[Entry, ...]:
    """Return all entries of the guide, rendered once per process."""
    found: list[Entry] = []
    for topic in topics.TOPICS:
        parser = _TopicParser()
        parser.feed(render_to_string(topic.template, tables.of(topic.slug)))
        found.extend(parser.entries(topic))
    return tuple(found)


def words_of(query: str) -> list[str]:
    """Return the words of a query in lower case."""
    return WORD.findall(query.lower())[:MOST_WORDS]


def _pattern(word: str) -> re.Pattern[str]:
    """Match a word and its longer forms; a plural matches its singular."""
    stem = word[:-1] if len(word) > 3 and word.endswith("s") else word
    return re.compile(rf"(?<![^\W_]){re.escape(stem)}[^\W_]*", re.IGNORECASE)


def _score(entry: Entry, patterns: list[re.Pattern[str]]) -> int:
    """Return the points of an entry; 0 when a word is missing, or in the topic's title alone."""
    points, own = 0, False
    for pattern in patterns:
        in_title = bool(pattern.search(entry.topic.title))
        in_heading, in_text = pattern.search(entry.heading), pattern.search(entry.text)
        if not (in_title or in_heading or in_text):
            return 0
        own = own or bool(in_heading or in_text or not entry.anchor)
        title_points = TITLE if in_title and not entry.anchor else 0
        points += title_points or (HEADING if in_heading else TEXT)
    return points if own else 0


def find(query: str) -> list[Entry]:
    """Return the entries with all words, best first: title, heading, text."""
    words = words_of(query)
    patterns = [_pattern(word) for word in words]
    if not patterns:
        return []
    scored = [(_score(entry, patterns), entry) for entry in entries()]
    exact = " ".join(words)
    best = sorted(
        ((points, entry) for points, entry in scored if points),
        key=lambda found: (-found[0], " ".join(words_of(found[1].heading)) != exact),
    )
    return [entry for _, entry in best]


def hits(found: list[Entry], query: str) -> list[Hit]:
    """Return entries as results, with the words of the query marked."""
    marks = re.compile("|".join(_pattern(word).pattern for word in words_of(query)), re.IGNORECASE)
    return [
        Hit(
            entry,
            mark(entry.topic.title, marks),
            mark(entry.heading, marks),
            mark(excerpt(entry.text, marks), marks),
        )
        for entry in found
    ]


def excerpt(text: str, marks: re.Pattern[str]) -> str:
    """Return the part of a text around the first match, or its beginning."""
    match = marks.search(text)
    start = max(0, match.start() - BEFORE) if match else 0
    if start:
        start = text.find(" ", start) + 1
    end = start + EXCERPT
    if end < len(text):
        end = text.rfind(" ", start, end)
    return ("… " if start else "") + text[start:end] + (" …" if end < len(text) else "")


def mark(text: str, marks: re.Pattern[str]) -> SafeString:
    """Return a text as HTML with every match in <mark>."""
    parts, at = [], 0
    for match in marks.finditer(text):
        parts.append(conditional_escape(text[at : match.start()]))
        parts.append(format_html("<mark>{}</mark>", match[0]))
        at = match.end()
    parts.append(conditional_escape(text[at:]))
    return format_html_join("", "{}", ((part,) for part in parts))


@cache
def _vocabulary() -> tuple[str, ...]:
    """Return the words of all titles and headings."""
    texts = [text for e in entries() for text in (e.topic.title, e.heading)]
    return tuple(sorted({word for text in texts for word in words_of(text) if len(word) > 2}))


def suggestions(query: str) -> list[Suggestion]:
    """Return searches with results for a query without any: its single words, their synonyms and
    similar words.
    """
    wanted: list[str] = []
    words = words_of(query)
    for word in words:
        if word in SYNONYMS:
            wanted.append(SYNONYMS[word])
        if len(words) > 1:
            wanted.append(word)
        wanted += get_close_matches(word, _vocabulary(), n=3, cutoff=0.7)
    counted = (Suggestion(found, len(find(found))) for found in dict.fromkeys(wanted))
    return [found for found in counted if found.count][:6]
