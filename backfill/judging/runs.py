"""Runs as `validation` takes them: how each ended, and what of them is a bug."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from backfill.groups import Group, groups_of
from backfill.judging import blame
from backfill.models import Run
from backfill.normal import COMPLETENESS
from backfill.planning import Key
from backfill.processors.statement import sql_hash
from backfill.recording import FORESEEN, bug_of
from validation.categories import BY_NAME, DATE_LEVEL, PROCESSING_ERROR
from validation.expectation import Facts
from validation.grouping import fingerprint
from validation.sources import BugGroup
from validation.triage import Ran


def bugs(runs: Mapping[Key, Run], facts: Facts) -> Iterator[BugGroup]:
    """The error groups of what is a bug, of the code or of a source row; those that one source row caused are one."""
    found: dict[str, list[Group]] = {}
    for group in groups_of(runs):
        if group.what in BY_NAME or group.what not in (*FORESEEN, DATE_LEVEL):
            found.setdefault(_subject(group), []).append(group)
    for subject, members in found.items():
        keys = frozenset().union(*(group.keys for group in members))
        texts = Counter({group.sample: group.count for group in members})
        what, count = members[0].what, sum(group.count for group in members)
        is_of_source = what == PROCESSING_ERROR.name
        yield BugGroup(subject, what, keys, count, texts, is_of_source, blame.rows(texts, facts) if is_of_source else ())


def _subject(group: Group) -> str:
    """An impossible row breaks several processors with the same text."""
    return fingerprint("", group.what, group.sample) if group.what == PROCESSING_ERROR.name else group.id


def as_ran(run: Run, *, is_lost: bool) -> Ran:
    """How a run ended."""
    succeeded = run.status in (Run.Status.COMPLETE, Run.Status.SKIPPED)
    return Ran(
        run.processor, run.date, succeeded, run.error, run.reason, run.status == Run.Status.BLOCKED,
        bool(bug_of(run)) and run.population != 0, run.population == 0, is_lost and succeeded,
        run.sql_hash not in ("", sql_hash(run.processor)), run.query_seconds or 0.0, run.write_seconds or 0.0,
        # The seconds of the completeness check are those of the query, which makes it.
        sum(check["seconds"] for check in run.checks if check["name"] != COMPLETENESS.name),
    )  # fmt: skip
