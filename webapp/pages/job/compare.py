"""Two jobs compared, as their page shows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef

from backfill.errors import Refused
from backfill.models import Job, Run
from backfill.status.comparison import CategoryDelta, compare
from validation.categories import BY_NAME

DATES_A_PAGE = 50
JOBS_TO_PICK = 100


@dataclass(frozen=True)
class Candidates:
    """The jobs to compare with, and how many others have nothing in common with it."""

    jobs: tuple[Job, ...]
    strangers: int


def candidates(job: Job) -> Candidates:
    """Those that ran a date of this one by the same processor, the newest first; the job of which
    it is a retry and its own
    retries before the others.
    """
    near = [job.retry_of_id, *job.retried_by.values_list("pk", flat=True)]
    ran = Run.objects.own()
    same = ran.filter(job=job, processor=OuterRef("processor"), date=OuterRef("date"))
    others = Job.objects.exclude(pk=job.pk)
    found = others.filter(Exists(ran.filter(Exists(same), job=OuterRef("pk"))))
    shown = sorted(found.order_by("-pk")[:JOBS_TO_PICK], key=lambda other: other.pk not in near)
    return Candidates(tuple(shown), others.count() - found.count())


def check_pair(number: int, other: int) -> None:
    """Raise Refused for a job and itself."""
    if number == other:
        raise Refused(f"job {number} cannot be compared with itself; choose another job")


def comparison(before: Job, after: Job, page: str) -> dict[str, Any]:
    """Per category and per date: healed, remaining, new. Raises Refused."""
    check_pair(before.pk, after.pk)
    found = compare(before, after)
    totals = [
        (what, counts, what in BY_NAME and not BY_NAME[what].is_bug)
        for what, counts in found.totals().items()
    ]
    sums = {kind: sum(found.counts(kind).values()) for kind in ("healed", "remaining", "new")}
    by_date = Paginator(_by_date(found.changes), DATES_A_PAGE).get_page(page)
    return {
        "before": before,
        "after": after,
        "found": found,
        "totals": totals,
        "sums": sums,
        "dates": by_date,
    }


def _by_date(changes: tuple[CategoryDelta, ...]) -> list[tuple[date, str, dict[str, int]]]:
    counts: dict[tuple[date, str], Counter[str]] = {}
    for c in changes:
        counts.setdefault((c.date, c.processor), Counter()).update(
            healed=c.healed, remaining=c.remaining, new=c.new
        )
    found = [(day, code, dict(n)) for (day, code), n in sorted(counts.items()) if any(n.values())]
    return sorted(
        found, key=lambda item: not (item[2]["healed"] or item[2]["new"])
    )  # what has changed first
