"""Pending runs whose date the current schedule no longer plans: cancelled, nothing is written."""

from __future__ import annotations

from django.db import transaction
from django.utils.timezone import now

from backfill.models import Run, RunQuerySet
from backfill.plan.unplanned import is_unplanned
from validation.season import Calendar

NO_LONGER_PLANNED = "no games: the schedule changed after the plan"


def cancel_unplanned(runs: RunQuerySet, calendar: Calendar, *, live: bool, actor: str) -> int:
    """Cancel the pending ones of these runs on dates without a processing date; return how many."""
    pending = runs.filter(status=Run.Status.PENDING)
    dates = set(pending.values_list("date", flat=True))
    gone = [day for day in dates if is_unplanned(calendar, day, live=live)]
    if not gone:
        return 0
    with transaction.atomic():
        found = list(pending.filter(date__in=gone).values_list("pk", flat=True))
        chosen = runs.filter(pk__in=found)
        count = chosen.transition(
            (Run.Status.PENDING,),
            Run.Status.CANCELLED,
            actor=actor,
            reason=NO_LONGER_PLANNED,
            finished_at=now(),
        )
        chosen.filter(status=Run.Status.CANCELLED).update(reason=NO_LONGER_PLANNED)
    return count
