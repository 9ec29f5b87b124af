"""Which runs of a job have changed since somebody last looked, from its events; whoever asks brings
what he knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q

from backfill.models import Job

# No transaction that changes runs takes as long.
OVERLAP = timedelta(seconds=60)


@dataclass(frozen=True)
class EventCursor:
    """What somebody has seen of a job: the number of its newest event, and how many there were up
    to that one.
    """

    newest: int = 0
    known: int = 0

    def __str__(self) -> str:
        return f"{self.newest}.{self.known}"

    @classmethod
    def parsed(cls, text: str) -> EventCursor:
        """The mark of this text; of any other, that of somebody who has seen nothing."""
        newest, _, known = text.partition(".")
        numbers = newest.isascii() and newest.isdigit() and known.isascii() and known.isdigit()
        return cls(int(newest), int(known)) if numbers and len(text) < 40 else cls()


def changed_since(job: Job, seen: EventCursor, at: datetime) -> tuple[EventCursor, set[int]]:
    """The present mark, and the numbers of the runs that have an event that `seen` does not know.

    Events get their numbers before they are committed: one that comes late has a lower number than
    others that were
    seen already. It makes the count up to these a different one; then all of the last minute is
    told again.
    """
    upto = Count("pk", filter=Q(pk__lte=seen.newest))
    found = job.events.aggregate(newest=Max("pk"), total=Count("pk"), upto=upto)
    mark = EventCursor(found["newest"] or 0, found["total"])
    if mark == seen:
        return mark, set()
    late = Q() if found["upto"] == seen.known else Q(at__gte=at - OVERLAP)
    new = Q(pk__gt=seen.newest) | late if late else Q(pk__gt=seen.newest)
    runs = job.events.filter(new).exclude(run=None).values_list("run_id", flat=True)
    return mark, {pk for pk in runs if pk}
