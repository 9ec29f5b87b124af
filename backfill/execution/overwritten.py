"""Stale marks on complete runs whose partitions a later, unrecorded attempt may have overwritten."""

from __future__ import annotations

from collections.abc import Mapping

from backfill.models import Event, EventKind, Key, Run, RunQuerySet
from backfill.plan.input_signatures import OVERWRITTEN

ACTION = "marked stale"


def mark_overwritten(tokens: Mapping[Key, int], *, actor: str, reason: str) -> int:
    """Mark the complete runs whose fence is older than these fencing tokens, with an event each.

    Return their number. A newer run is not marked: it published later. Requires a transaction.
    """
    if not tokens:
        return 0
    days = [day for _, day in tokens]
    newest = Run.objects.filter(processor__in={code for code, _ in tokens}).deciding(
        min(days), max(days)
    )
    hit = [run for key, run in newest.items() if run.fence < tokens.get(key, 0) and _is_fresh(run)]
    for run in hit:
        run.input_signature = f"{run.input_signature} {OVERWRITTEN}".strip()
    Run.objects.bulk_update(hit, ["input_signature"])
    Event.objects.bulk_create(
        Event(
            job_id=run.job_id,
            run=run,
            kind=EventKind.OVERWRITTEN,
            actor=actor,
            action=ACTION,
            reason=reason,
        )
        for run in hit
    )
    return len(hit)


def mark_overwritten_by(runs: RunQuerySet, *, actor: str, reason: str) -> int:
    """Mark the complete runs that these unrecorded runs may have overwritten.

    Call before the runs are cancelled: afterwards no run of this job writes these partitions.
    """
    begun = runs.filter(status__in=Run.ACTIVE, fence__gt=0)
    tokens = {
        (code, day): fence for code, day, fence in begun.values_list("processor", "date", "fence")
    }
    return mark_overwritten(tokens, actor=actor, reason=reason)


def _is_fresh(run: Run) -> bool:
    return run.status == Run.Status.COMPLETE and OVERWRITTEN not in run.input_signature
