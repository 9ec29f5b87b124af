"""Topics of the guide in reading order, and the addresses that earlier releases used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.urls import reverse


@dataclass(frozen=True)
class Topic:
    """One page of the guide; its text is in templates/guide/topics/<slug>.html."""

    slug: str
    title: str
    summary: str

    @property
    def template(self) -> str:
        """Return the name of the template with its text."""
        return f"guide/topics/{self.slug}.html"


TOPICS = (
    Topic("runbook", "Runbook map", "Every section of the runbook with its page and command."),
    Topic("processors", "Processors", "Inputs, outputs and order of the five processors."),
    Topic(
        "season",
        "Season calendar and failure bands",
        "Dates that run, bootstrap, minimum games, usual failure rates.",
    ),
    Topic(
        "failures",
        "Expected and unexpected failures",
        "Audit, failure categories, bugs, cascades.",
    ),
    Topic("retry", "Retry", "Failures that a retry fixes, and failures that it does not."),
    Topic(
        "versions",
        "Versions and undo",
        "Replaced partitions, restore of one, undo of a job.",
    ),
    Topic("findings", "Findings", "Every kind of finding with its likely cause and next step."),
    Topic("load", "Loads", "Formats, vocabularies, types of games, parts of a season, stale runs."),
    Topic("preflight", "Preflight and modes", "Checks before a start; backfill and normal mode."),
    Topic(
        "jobs",
        "Jobs, runs and states",
        "States, canary, pause on error, concurrency limit, stalled jobs.",
    ),
    Topic("queries", "Queries", "The runbook's queries by name, with their corrections."),
    Topic("commands", "Commands", "Every manage.py command with its options."),
    Topic("roles", "Roles and tokens", "Permissions, approval of large launches, API tokens."),
    Topic("keys", "Keyboard shortcuts", "Keys on every page and in grids."),
    Topic("glossary", "Glossary", "Every term with its meaning and its pages."),
)
BY_SLUG = {topic.slug: topic for topic in TOPICS}

# Topic or topic#heading of an earlier release, and its present place. Redirects keep old links and
# bookmarks valid, and links on other pages resolve without a redirect.
MOVED: Mapping[str, str] = MappingProxyType(
    {
        "brake": "jobs#canary",
        "brake#bug": "jobs#pause-on-error",
        "brake#cap": "jobs#concurrency-limit",
        "calendar": "season",
        "cascades": "failures#cascades",
        "cascades#root": "failures#cascades",
        "cascades#no-root": "failures#cascades",
        "cascades#dates": "failures#across-dates",
        "categories": "failures#categories",
        "categories#list": "failures#categories",
        "early-season": "season#minimum",
        "expectation": "failures",
        "expectation#compared": "failures#outcomes",
        "expectation#promise": "failures#outcomes",
        "expectation#when": "failures#audit",
        "modes": "preflight#modes",
        "modes#skips": "preflight#modes",
        "states": "jobs#legend",
        "states#asked": "jobs#stop",
        "states#complete": "jobs#run-states",
    }
)


def place(slug: str, anchor: str = "") -> tuple[str, str]:
    """Return the present slug and anchor of a topic, or of one of its headings."""
    moved = MOVED.get(f"{slug}#{anchor}") if anchor else MOVED.get(slug)
    if moved is not None:
        new_slug, _, new_anchor = moved.partition("#")
        return new_slug, new_anchor
    return MOVED.get(slug, slug).partition("#")[0], anchor


def url(slug: str, anchor: str = "") -> str:
    """Return the address of a topic, or of one of its headings."""
    slug, anchor = place(slug, anchor)
    return reverse("topic", args=[slug]) + (f"#{anchor}" if anchor else "")


def neighbors(topic: Topic) -> dict[str, Topic | None]:
    """Return the previous and the next topic."""
    at = TOPICS.index(topic)
    return {
        "previous": TOPICS[at - 1] if at else None,
        "next": TOPICS[at + 1] if at + 1 < len(TOPICS) else None,
    }
