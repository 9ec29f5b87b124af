"""Runs as facts for `validation`: result and bugs of each run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from backfill.execution.live_checks import COMPLETENESS
from backfill.models import Key, Run
from backfill.processors.render import sql_hash
from backfill.status.error_groups import ErrorGroup, groups_of
from backfill.status.failures import FORESEEN, bug_of
from validation.categories import BY_NAME, DATE_LEVEL, PROCESSING_ERROR
from validation.expectation import SeasonGames
from validation.findings.mismatches import RunFacts
from validation.findings.phase3 import BugGroup
from validation.fingerprint import fingerprint
from validation.source_rows import SourceRow, bad_rows, failing_row


def bugs(runs: Mapping[Key, Run], facts: SeasonGames) -> Iterator[BugGroup]:
    """Yield the error groups of bugs in code or source rows; groups caused by the same source row
    are merged.
    """
    found: dict[str, list[ErrorGroup]] = {}
    for group in groups_of(runs):
        if group.what in BY_NAME or group.what not in (*FORESEEN, DATE_LEVEL):
            found.setdefault(_subject(group), []).append(group)
    for subject, members in found.items():
        keys = frozenset().union(*(group.keys for group in members))
        texts = Counter({group.sample: group.count for group in members})
        what, count = members[0].what, sum(group.count for group in members)
        is_of_source = what == PROCESSING_ERROR.name
        rows = tuple(_source_rows(members, facts)) if is_of_source else ()
        yield BugGroup(
            id=subject,
            what=what,
            keys=keys,
            count=count,
            texts=texts,
            is_of_source=is_of_source,
            rows=rows,
        )


def _source_rows(groups: Sequence[ErrorGroup], facts: SeasonGames) -> list[SourceRow]:
    """Return the impossible source rows of the games that fail the entities of these groups."""
    failures = (
        (group.processor, day, entity)
        for group in groups
        for day in group.dates
        for entity in group.entities
    )
    rows = (failing_row(facts, *failure) for failure in failures)
    return bad_rows(facts, {(row.table, row.game_id) for row in rows if row})


def _subject(group: ErrorGroup) -> str:
    """Name a group. An impossible row fails several processors with the same text."""
    return (
        fingerprint("", group.what, group.sample)
        if group.what == PROCESSING_ERROR.name
        else group.id
    )


def as_ran(run: Run, *, is_lost: bool) -> RunFacts:
    """Convert a run."""
    succeeded = run.status in (Run.Status.COMPLETE, Run.Status.SKIPPED)
    return RunFacts(
        processor=run.processor,
        day=run.date,
        succeeded=succeeded,
        error=run.error,
        reason=run.reason,
        refused_by=run.refused_by,
        is_blocked=run.status == Run.Status.BLOCKED,
        is_bug=bool(bug_of(run)) and run.population != 0,
        no_population=run.population == 0,
        is_lost=is_lost and succeeded,
        statement_changed=run.sql_hash not in ("", sql_hash(run.processor)),
        query_seconds=run.query_seconds or 0.0,
        write_seconds=run.write_seconds or 0.0,
        # The query includes the completeness check, so its seconds are not counted twice.
        check_seconds=sum(
            check["seconds"] for check in run.checks if check["name"] != COMPLETENESS.name
        ),
        started_at=run.started_at,
    )
