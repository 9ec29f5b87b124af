"""The guide: its topics in the order in which one reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One page of the guide; its words are in templates/guide/topics/<slug>.html."""

    slug: str
    title: str
    summary: str

    @property
    def template(self) -> str:
        """Where its words are."""
        return f"guide/topics/{self.slug}.html"


TOPICS = (
    Topic(
        "runbook",
        "From the runbook to the panel",
        "What the runbook has you do by hand, and where it is here.",
    ),
    Topic(
        "processors",
        "The five processors",
        "What each makes, of what, and in which order they run.",
    ),
    Topic(
        "calendar",
        "The season calendar",
        "Days, season weeks, bootstrap, playoffs, dates without games.",
    ),
    Topic(
        "early-season",
        "Why failures are expected early",
        "The minimum of games, and the bands of failure rates.",
    ),
    Topic(
        "expectation",
        "The exact expectation",
        "Who must fail on a date, computed from the games played.",
    ),
    Topic("categories", "Failure categories", "The closed list: what each means and what to do."),
    Topic("cascades", "Cascades", "Failures that follow from others, traced to their root."),
    Topic("retry", "What a retry heals", "Now, after upstream, never, or after a fix."),
    Topic(
        "findings",
        "Findings",
        "Everything that the judgement can find, with its likely cause and what to do.",
    ),
    Topic("modes", "Backfill mode and normal mode", "Which checks history does not need, and why."),
    Topic("preflight", "The preflight", "What is looked at before a start, and what blocks it."),
    Topic(
        "states", "States and shapes", "Every sign that the panel shows, in shape, word and colour."
    ),
    Topic("brake", "When a job pauses itself", "The canary, the brake, and what a stalled job is."),
    Topic("queries", "The queries", "The runbook's queries, and what was corrected in them."),
    Topic("roles", "Roles", "Who may see, start and change what."),
    Topic("keys", "Keys", "The panel without a mouse."),
    Topic("glossary", "Glossary", "The words of the field, in a sentence each."),
)
BY_SLUG = {topic.slug: topic for topic in TOPICS}


def found(words: str) -> Sequence[Topic]:
    """The topics with all of these words in their title or summary."""
    wanted = words.lower().split()
    return [
        topic
        for topic in TOPICS
        if all(word in f"{topic.title} {topic.summary}".lower() for word in wanted)
    ]


def neighbours(topic: Topic) -> dict[str, Topic | None]:
    """The topic before this one and the one after it."""
    place = TOPICS.index(topic)
    return {
        "before": TOPICS[place - 1] if place else None,
        "after": TOPICS[place + 1] if place + 1 < len(TOPICS) else None,
    }
