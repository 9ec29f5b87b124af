"""Two jobs compared, as their page shows it."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from django.core.paginator import Paginator

from backfill.comparing import Change, compare
from backfill.models import Job
from validation.categories import BY_NAME

DATES_A_PAGE = 50
JOBS_TO_PICK = 100


def others(job: Job) -> list[Job]:
    """The jobs to compare with, the newest first; those of its own retries before the others."""
    near = [job.retry_of_id, *job.retried_by.values_list("pk", flat=True)]
    found = list(Job.objects.exclude(pk=job.pk).order_by("-pk")[:JOBS_TO_PICK])
    return sorted(found, key=lambda other: other.pk not in near)


def comparison(before: Job, after: Job, page: str) -> dict[str, Any]:
    """Per category and per date: healed, remaining, new."""
    found = compare(before, after)
    totals = [(what, counts, what in BY_NAME and not BY_NAME[what].is_bug) for what, counts in found.totals().items()]
    sums = {kind: sum(found.counts(kind).values()) for kind in ("healed", "remaining", "new")}
    by_date = Paginator(_by_date(found.changes), DATES_A_PAGE).get_page(page)
    return {"before": before, "after": after, "found": found, "totals": totals, "sums": sums, "dates": by_date}


def _by_date(changes: tuple[Change, ...]) -> list[tuple[date, str, dict[str, int]]]:
    counts: dict[tuple[date, str], Counter[str]] = {}
    for c in changes:
        counts.setdefault((c.date, c.processor), Counter()).update(healed=c.healed, remaining=c.remaining, new=c.new)
    found = [(day, code, dict(n)) for (day, code), n in sorted(counts.items()) if any(n.values())]
    return sorted(found, key=lambda item: not (item[2]["healed"] or item[2]["new"]))  # what has changed first
