"""Store of findings and audit results. Findings open with their evidence, close without it, and
reopen when it returns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.timezone import now

from backfill.audit import load
from backfill.audit.results import ExpectedVsActual
from backfill.audit.season_audit import SeasonAuditInput
from backfill.models import SYSTEM, AuditResult, Event, EventKind, Finding, Key, Limits, Run
from backfill.models.finding import as_fields
from validation.findings.kinds import KINDS, pluralize
from validation.findings.kinds import FindingDraft as Found

State = Finding.State
MARKED = (State.EXPECTED, State.FIXED)


@dataclass(frozen=True, kw_only=True)
class SeasonFindings:
    """Findings of one season audit. `newest_run` is the start of its newest run: a finding marked
    fixed before it, and present after it, is not fixed. On `moving` dates runs were active, so a
    missing finding may only be hidden.
    """

    season: int
    findings: Sequence[Found]
    newest_run: datetime | None = None
    moving: frozenset[str] = frozenset()


def keep(audited: SeasonFindings) -> None:
    """Synchronize the stored findings of a season with its audit."""
    with transaction.atomic():
        Limits.hold()  # two concurrent audits would open the same finding twice
        kept = {
            (f.kind, f.season, f.subject): f for f in Finding.objects.filter(season=audited.season)
        }
        found = {finding.key: finding for finding in audited.findings}
        for key, finding in found.items():
            before = kept.get(key) or _larger(
                finding, [was for other, was in kept.items() if other not in found]
            )
            if before:
                kept.pop((before.kind, before.season, before.subject))
                _update(before, finding, audited.newest_run)
            else:
                _open(finding)
        _link(audited)
        for was in kept.values():
            if was.state != State.CLOSED and not audited.moving.intersection(was.dates):
                was.transition((was.state,), State.CLOSED, actor=SYSTEM, reason="evidence gone")


def _link(audited: SeasonFindings) -> None:
    """Store the root of each consequence; the root itself has been stored before."""
    stored = Finding.objects.filter(season=audited.season)
    numbers = {
        (f.kind, f.season, f.subject): f.pk for f in stored.only("kind", "season", "subject")
    }
    roots = {numbers[f.key]: numbers[f.root] if f.root else None for f in audited.findings}
    for finding in stored.filter(pk__in=roots).only("root"):
        if finding.root_id != roots[finding.pk]:
            Finding.objects.filter(pk=finding.pk).update(root=roots[finding.pk])


def _larger(found: Found, kept: Iterable[Finding]) -> Finding | None:
    """Return the stored finding whose first dates have been fixed: a range is named by its first
    date.
    """
    dates = {str(day) for day in found.dates}
    same = (
        was
        for was in kept
        if was.kind == found.kind.name and was.state != State.CLOSED and dates < set(was.dates)
    )
    return next((was for was in same if _undated(was.subject) == _undated(found.subject)), None)


def _undated(subject: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d", "", subject)


def _open(found: Found) -> None:
    finding = Finding.objects.create(
        kind=found.kind.name,
        season=found.season,
        subject=found.subject,
        **as_fields(found, KINDS.index(found.kind)),
    )
    Event.objects.create(
        finding=finding,
        kind=EventKind.CREATED,
        to_state=State.OPEN,
        actor=SYSTEM,
        action=State.OPEN,
        reason=found.sentence[:500],
    )


def _update(kept: Finding, found: Found, newest_run: datetime | None) -> None:
    """Update a stored finding, and reopen it if needed."""
    reason = _reopen_reason(kept, found, newest_run)
    fields = {"subject": found.subject, **as_fields(found, KINDS.index(found.kind))}
    if kept.state in MARKED and not reason:
        del fields["dates"]  # keep the marked dates: additional dates reopen the finding
    Finding.objects.filter(pk=kept.pk).update(seen_at=now(), **fields)
    if reason:
        kept.transition((kept.state,), State.OPEN, actor=SYSTEM, reason=reason, found_at=now())


def _reopen_reason(kept: Finding, found: Found, newest_run: datetime | None) -> str:
    """Return the reason to reopen a finding; empty if there is none."""
    is_newer = newest_run is not None and kept.marked_at is not None and newest_run > kept.marked_at
    if kept.state == State.CLOSED:
        return "evidence returned"
    if kept.state == State.FIXED and is_newer:
        return "marked fixed, but still present after a newer run"
    if kept.state in MARKED and (more := {str(d) for d in found.dates} - set(kept.dates)):
        dates = pluralize(len(more), "more date")
        return f"marked {kept.state}, but present on {dates}, first {min(more)}"
    return ""


# Audit results


def keep_results(audit: SeasonAuditInput, rows: Sequence[AuditResult]) -> None:
    """Replace the stored audit results of a season that differ, and those of seasons no longer
    loaded. The last result of a run that was replaced stays as the result of its job.
    """
    with transaction.atomic():
        _replace(list(AuditResult.objects.exclude(season__in=audit.calendar.starts)), [])
        stored = AuditResult.objects.filter(season=audit.year)
        before = {(row.processor, row.date): row for row in stored}
        same = {
            key
            for row in rows
            if (key := (row.processor, row.date)) in before and _is_same(row, before[key])
        }
        _replace(
            [row for key, row in before.items() if key not in same],
            [row for row in rows if (row.processor, row.date) not in same],
        )


def _replace(old: Sequence[AuditResult], new: Sequence[AuditResult]) -> None:
    """Replace results. Those of audited runs without a new result stay, no longer current."""
    runs = {row.run_id for row in new if row.run_id}
    kept = [row.pk for row in old if row.unexplained is not None and row.run_id not in runs]
    AuditResult.objects.filter(pk__in=kept).update(is_current=False)
    AuditResult.objects.filter(pk__in=[row.pk for row in old]).delete()
    AuditResult.with_replaced.filter(is_current=False, run_id__in=runs).delete()
    AuditResult.objects.bulk_create(new)


def _is_same(row: AuditResult, other: AuditResult) -> bool:
    names = (f.attname for f in AuditResult._meta.concrete_fields if not f.primary_key)
    return all(getattr(row, name) == getattr(other, name) for name in names)


def results_of(audit: SeasonAuditInput) -> list[AuditResult]:
    """Return an audit result for every (processor, processing date) of a season, with or without a
    run.
    """
    return [_result(audit, key, result) for key, result in audit.expected_vs_actual.items()]


def _result(audit: SeasonAuditInput, key: Key, result: ExpectedVsActual) -> AuditResult:
    code, day = key
    population, failures = result.expected
    row = AuditResult(
        season=audit.year, processor=code, date=day, population=population, expected=failures
    )
    run, found = audit.runs.get(key), result.comparison
    # A failed run has written nothing: the stored rows are of an older run.
    if not run or run.status != Run.Status.COMPLETE or key in audit.moving:
        return row
    if key in audit.season.lost:
        row.run_id, row.unaccounted = run.run_id, population
        row.explained = row.unexplained = row.lost = 0
    elif found:
        row.run_id = run.run_id
        row.explained, row.unexplained = found.explained, len(found.unexplained)
        row.lost = len(found.lost.keys() - found.unexplained.keys())
        row.unaccounted = len(found.unaccounted) + len(found.strange)
        written = audit.written.get(key, load.NOT_WRITTEN)
        row.waiting = audit.missing_rows.of(key, written.failures)
        row.changed = audit.changes[key].reason if key in audit.changes else ""
    return row
