"""Audit results per (processor, date), stored with the audit of their season."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from backfill.audit.results import ExpectedVsActual
from backfill.audit.season_audit import SeasonAuditInput
from backfill.models import AuditResult, Run
from backfill.plan.planning import Key


def keep(judgement: SeasonAuditInput, rows: Sequence[AuditResult]) -> None:
    """Make what is kept of a season equal to these; of seasons that are not loaded any more,
    nothing is kept.
    """
    with transaction.atomic():
        AuditResult.objects.exclude(season__in=judgement.calendar.starts).delete()
        AuditResult.objects.filter(season=judgement.year).delete()
        AuditResult.objects.bulk_create(rows)


def of(judgement: SeasonAuditInput) -> list[AuditResult]:
    """One for every (processor, processing date) of a season, whether or not it was run."""
    return [_verdict(judgement, key, held) for key, held in judgement.held.items()]


def _verdict(judgement: SeasonAuditInput, key: Key, held: ExpectedVsActual) -> AuditResult:
    code, day = key
    population, failures = held.expected
    verdict = AuditResult(
        season=judgement.year, processor=code, date=day, population=population, expected=failures
    )
    run, found = judgement.runs.get(key), held.comparison
    # A run that failed has written nothing: what stands there is an older one's.
    if found and run and run.status == Run.Status.COMPLETE:
        verdict.run_id = run.run_id
        verdict.explained, verdict.unexplained = found.explained, len(found.unexplained)
        verdict.lost = len(found.lost.keys() - found.unexplained.keys())
        verdict.unaccounted = len(found.unaccounted) + len(found.strange)
        verdict.changed = judgement.changes[key].reason if key in judgement.changes else ""
    return verdict
