"""Groups of identical failures across dates: count, first and last date, and a sample text."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from backfill.models import LONG_AGO, Job, Key, Run
from backfill.processors.registry import BY_NAME as PROCESSOR_BY_NAME
from backfill.processors.registry import PROCESSORS
from backfill.processors.render import inlined
from backfill.statements import render
from backfill.statements.fragments import literal
from backfill.warehouse import warehouse
from backfill.warehouse.date_cache import cached_by_date
from backfill.warehouse.port import Row
from backfill.warehouse.tables import FAILURES, UPGC
from validation import fingerprint as fingerprints
from validation.categories import BUGS, DATE_LEVEL, PROCESSING_ERROR, count_bugs

MOST_NAMED = 3
RUNS_AT_ONCE = 500
fingerprint = lru_cache(maxsize=4096)(fingerprints.fingerprint)


@dataclass(frozen=True, kw_only=True)
class ErrorGroup:
    """Failures of one processor with one text: entities of a bug category, or runs with an error.

    `what` is the category or the error class, `sample` the text of the first failure, `entities`
    the first entities that failed, `has_more` whether others did.
    """

    id: str
    processor: str
    what: str
    count: int
    dates: tuple[date, ...]
    sample: str
    entities: tuple[str, ...] = ()
    has_more: bool = False

    @property
    def keys(self) -> frozenset[Key]:
        """(processor, date) pairs of the group."""
        return frozenset((self.processor, day) for day in self.dates)

    def as_json(self) -> dict[str, Any]:
        """Return the group as a JSON document with its first and last date only."""
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


@dataclass(frozen=True, kw_only=True)
class _Text:
    """Failures of one (processor, date) with one text, and a few of the entities that have it."""

    processor: str
    date: date
    what: str
    text: str
    count: int
    entities: tuple[str, ...] = ()


def of_job(job: Job) -> list[ErrorGroup]:
    """Return the groups of the current failures of a job."""
    return groups_of(_with_errors(job))


def has_errors(run: Run) -> bool:
    """Return True for a run that belongs to a group."""
    return run.status == Run.Status.FAILED or count_bugs(run.failures) > 0


def _with_errors(job: Job) -> dict[Key, Run]:
    """Return the runs of `JobFailures.deciding` that failed or have bugs, without holding the others:
    a job has up to 20,000 runs.
    """
    own = {
        (code, day): status == Run.Status.CANCELLED
        for code, day, status in job.runs.own().values_list("processor", "date", "status")
    }
    options = job.parsed_options
    newest = Run.objects.newest_decisive(options.start, options.end).order_by("date", "pk")
    return {
        key: run
        for run in newest.in_chunks(RUNS_AT_ONCE)
        if (key := (run.processor, run.date)) in own
        and has_errors(run)
        and (not own[key] or (run.started_at or LONG_AGO) > job.created_at)
    }


def groups_of(runs: Mapping[Key, Run]) -> list[ErrorGroup]:
    """Group the errors of these runs and the bugs of their entities. Blocked runs belong to their
    root cause.
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
        id=name,
        processor=first.processor,
        what=first.what,
        count=sum(t.count for t in texts),
        dates=dates,
        sample=first.text,
        entities=tuple(named)[:MOST_NAMED],
        has_more=len(named) > MOST_NAMED or any(t.count > len(t.entities) > 0 for t in texts),
    )


def _of_runs(runs: Mapping[Key, Run]) -> Iterator[_Text]:
    for (code, day), run in runs.items():
        if run.status == Run.Status.FAILED:
            yield _Text(
                processor=code, date=day, what=run.error or DATE_LEVEL, text=run.reason, count=1
            )


def _of_entities(runs: Mapping[Key, Run]) -> Iterator[_Text]:
    """Yield the bugs in the failures table. Reads it only if the runs have counted bugs."""
    if dates := sorted({day for (_, day), run in runs.items() if count_bugs(run.failures)}):
        by_date = cached_by_date("failure texts", (FAILURES,), dates, _texts)
        found = chain.from_iterable(by_date.values())
        alike = itemgetter(
            "processor_name", "analysis_date", "failure_category", "failure_reason", "n"
        )
        for (name, day, what, text, n), rows in groupby(found, key=alike):
            if (code := PROCESSOR_BY_NAME[name].code, day) in runs:
                yield _Text(
                    processor=code,
                    date=day,
                    what=what,
                    text=text,
                    count=n,
                    entities=tuple(row["entity_id"] for row in rows),
                )


def _texts(dates: Sequence[date]) -> dict[date, list[Row]]:
    found: dict[date, list[Row]] = {day: [] for day in dates}
    values = {"dates": dates, "bugs": list(BUGS)}
    for row in warehouse().query(render("failure-texts", named=MOST_NAMED), values):
        found[row["analysis_date"]].append(row)
    return found


def evidence_query(group: ErrorGroup, season_start: date) -> str:
    """Return GoogleSQL that reproduces a group on its first date: the source rows that fail its
    entities, or the failed statement.
    """
    if group.what == PROCESSING_ERROR.name and group.entities:
        return _suspects(group, season_start)
    return inlined(group.processor, group.dates[0], season_start)


def _suspects(group: ErrorGroup, season_start: date) -> str:
    """Return GoogleSQL that selects the impossible Phase 3 rows of a group's first date, each with
    its error.
    """
    day = group.dates[0]
    before = f"game_date >= DATE '{season_start}' AND game_date < DATE '{day}'"
    sources = tuple(
        (table, f"game_date = DATE '{day}'" if table is UPGC else before)
        for table in PROCESSORS[group.processor].examined
    )
    return render("evidence-suspects", sources=sources, names=_quoted(group.entities), day=day)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(literal(name) for name in names)
