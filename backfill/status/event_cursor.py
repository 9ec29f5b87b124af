"""Runs changed since an event cursor that the client sends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q

from backfill.models import Job

# Longer than any transaction that changes runs.
OVERLAP = timedelta(seconds=60)


@dataclass(frozen=True)
class EventCursor:
    """Position in the events of a job: the number of the newest event seen, and the count of
    events up to it.
    """

    newest: int = 0
    known: int = 0

    def __str__(self) -> str:
        return f"{self.newest}.{self.known}"

    @classmethod
    def parsed(cls, text: str) -> EventCursor:
        """Parse a cursor; any other text is the cursor of a client that has seen no events."""
        newest, _, known = text.partition(".")
        numbers = newest.isascii() and newest.isdigit() and known.isascii() and known.isdigit()
        return cls(int(newest), int(known)) if numbers and len(text) < 40 else cls()


def changed_since(job: Job, seen: EventCursor, at: datetime) -> tuple[EventCursor, set[int]]:
    """Return the current cursor and the numbers of the runs with events after `seen`.

    Events get their numbers before they commit, so a late one can have a lower number than events
    already seen. The count up to `newest` then differs, and all events of the last minute are sent
    again.
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
