"""Failures that are the same one, across dates: how many, from when to when, one text of them all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from backfill.models import Job, Run
from backfill.plan.planning import Key
from backfill.processors.registry import BY_NAME as PROCESSOR_BY_NAME
from backfill.statements import render
from backfill.status.failures import JobFailures
from backfill.warehouse import warehouse
from validation import fingerprint as fingerprints
from validation.categories import BUGS, DATE_LEVEL

MOST_NAMED = 3
fingerprint = lru_cache(maxsize=4096)(fingerprints.fingerprint)


@dataclass(frozen=True)
class ErrorGroup:
    """Failures of one processor with one text: entities of a bug's category, or runs with an error.

    `what` is the category or the error's class, `sample` the text of the first of them, `entities`
    the first who have it.
    """

    id: str
    processor: str
    what: str
    count: int
    dates: tuple[date, ...]
    sample: str
    entities: tuple[str, ...] = ()

    @property
    def keys(self) -> frozenset[Key]:
        """The (processor, date) that it is of."""
        return frozenset((self.processor, day) for day in self.dates)

    def as_json(self) -> dict[str, Any]:
        """The group without each of its dates."""
        return {
            "id": self.id,
            "processor": self.processor,
            "what": self.what,
            "count": self.count,
            "dates": len(self.dates),
            "first": self.dates[0],
            "last": self.dates[-1],
            "sample": self.sample,
            "entities": self.entities,
        }


@dataclass(frozen=True)
class _Text:
    """So many failures of one (processor, date) with one text, and some who have it."""

    processor: str
    date: date
    what: str
    text: str
    count: int
    entities: tuple[str, ...] = ()


def of_job(job: Job) -> list[ErrorGroup]:
    """The groups of all that is wrong now with what a job ran."""
    return groups_of(JobFailures(job).deciding)


def groups_of(runs: Mapping[Key, Run]) -> list[ErrorGroup]:
    """The groups of these runs: their errors, and the bugs among their entities. What is blocked
    belongs to its root.
    """
    found: dict[str, list[_Text]] = {}
    for text in (*_of_runs(runs), *_of_entities(runs)):
        found.setdefault(fingerprint(text.processor, text.what, text.text), []).append(text)
    return sorted(
        (_group(name, texts) for name, texts in found.items()), key=lambda g: (-g.count, g.id)
    )


def _group(name: str, texts: Collection[_Text]) -> ErrorGroup:
    first = min(texts, key=lambda t: t.date)
    dates = tuple(sorted({t.date for t in texts}))
    named = dict.fromkeys(name for t in sorted(texts, key=lambda t: t.date) for name in t.entities)
    return ErrorGroup(
        name,
        first.processor,
        first.what,
        sum(t.count for t in texts),
        dates,
        first.text,
        tuple(named)[:MOST_NAMED],
    )


def _of_runs(runs: Mapping[Key, Run]) -> Iterator[_Text]:
    for (code, day), run in runs.items():
        if run.status == Run.Status.FAILED:
            yield _Text(code, day, run.error or DATE_LEVEL, run.reason, 1)


def _of_entities(runs: Mapping[Key, Run]) -> Iterator[_Text]:
    """The bugs that the failures table holds, asked for only where the runs have counted some."""
    if dates := sorted(
        {day for (_, day), run in runs.items() if any(run.failures.get(bug) for bug in BUGS)}
    ):
        found = warehouse().query(
            render("failure-texts", named=MOST_NAMED), {"dates": dates, "bugs": list(BUGS)}
        )
        alike = itemgetter(
            "processor_name", "analysis_date", "failure_category", "failure_reason", "n"
        )
        for (name, day, what, text, n), rows in groupby(found, key=alike):
            if (code := PROCESSOR_BY_NAME[name].code, day) in runs:
                yield _Text(code, day, what, text, n, tuple(row["entity_id"] for row in rows))
