"""What others are to be told: Phase 5 that a date is complete, people what became of a job.
Delivered at least once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import random
from typing import TYPE_CHECKING, Self, TypeVar

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from backfill.execution import backoff

if TYPE_CHECKING:
    from backfill.models.event import Event
    from backfill.models.job import Job

# Longer than any delivery may take, so that only a crash lets a claim lapse.
LEASE = timedelta(seconds=60)
M = TypeVar("M", bound="Outgoing")
MOST_DOUBLINGS = 16  # the delay has long reached its limit there


class OutgoingQuerySet(models.QuerySet[M]):
    """Messages, many at once."""

    def due(self, at: datetime) -> Self:
        """Those to be sent now, the one that has waited longest first."""
        return self.filter(delivered_at=None, next_try_at__lte=at).order_by("next_try_at", "pk")


class Outgoing(models.Model):
    """A message that is kept until it was delivered: claimed for one delivery, put off longer each
    time that fails.
    """

    created_at = models.DateTimeField(default=now)
    tries = models.PositiveIntegerField(default=0)  # those that failed
    next_try_at = models.DateTimeField(
        default=now
    )  # while somebody sends it: when the claim lapses
    delivered_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        abstract = True

    def claim(self, at: datetime) -> bool:
        """Take it for one delivery; False means that somebody else got here first."""
        mine = type(self)._default_manager.filter(
            pk=self.pk, delivered_at=None, next_try_at=self.next_try_at
        )
        self.next_try_at = at + LEASE
        return mine.update(next_try_at=self.next_try_at) == 1

    def put_off(self, at: datetime, error: str) -> None:
        """Let it be tried again, later each time."""
        delay = timedelta(seconds=backoff.delay_seconds(min(self.tries, MOST_DOUBLINGS), random()))
        mine = type(self)._default_manager.filter(pk=self.pk, next_try_at=self.next_try_at)
        mine.update(tries=models.F("tries") + 1, next_try_at=at + delay, error=error)


class Notice(Outgoing):
    """One message for people about a job: it is done, the system paused it, it has stalled. One of
    a kind per Event at most.

    It is kept with the change that it tells of, and written when all that it says is known: then it
    has a title, or, when
    there is nothing to say, none and counts as delivered.
    """

    class Kind(models.TextChoices):
        """Done tells only of what wants a person; paused is the system's doing; stalled means that
        nothing has changed.
        """

        DONE = "done"
        PAUSED = "paused"
        STALLED = "stalled"

    job = models.ForeignKey("Job", models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=Kind)
    event = models.ForeignKey(
        "Event", models.CASCADE, related_name="notices"
    )  # the change that it tells of
    title = models.CharField(max_length=200, blank=True)
    body = models.TextField(blank=True)
    # Digests of the URLs that have it, so that a failing URL repeats nothing to the others.
    delivered_to = models.JSONField(default=list)

    objects = OutgoingQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["event", "kind"], name="one_notice_per_event_kind"),
        )
        indexes = (
            models.Index(
                fields=["next_try_at"],
                condition=models.Q(delivered_at=None),
                name="undelivered_notices",
            ),
        )

    def __str__(self) -> str:
        return f"notice {self.pk}"

    @property
    def state(self) -> str:
        """Where the message is, in words."""
        if not self.title:
            return (
                "nobody was told: nothing wants a person"
                if self.delivered_at
                else "not written yet"
            )
        if self.delivered_at:
            return f"delivered at {self.delivered_at:%Y-%m-%d %H:%M:%S}"
        return (
            f"failed {self.tries}×, again at {self.next_try_at:%H:%M:%S}: {self.error}"
            if self.error
            else "to be sent"
        )

    @classmethod
    def note(cls, job: Job, kind: Kind, event: Event | None = None) -> bool:
        """Keep, in the caller's transaction, that people are to hear of the job's newest change;
        False when nobody wants to.
        """
        if not settings.NOTIFY_URLS:
            return False
        event = event or job.events.filter(run=None).latest("pk")
        # Due at once, also for one who asked for the time before this.
        cls.objects.bulk_create(
            [cls(job=job, kind=kind, event=event, next_try_at=event.at)], ignore_conflicts=True
        )
        return True

    def write(self, title: str, body: str) -> None:
        """Say this to everybody who is to be told; what somebody else has written meanwhile stands."""
        self._unwritten.update(title=title, body=body)

    def keep_silent(self, at: datetime) -> None:
        """There is nothing to say."""
        self._unwritten.update(delivered_at=at)

    @property
    def _unwritten(self) -> models.QuerySet[Notice]:
        return Notice.objects.filter(pk=self.pk, title="", delivered_at=None)


class Trigger(Outgoing):
    """One message for Phase 5: a date is complete. Without a topic it is recorded and never
    delivered.
    """

    job = models.ForeignKey("Job", models.CASCADE, related_name="triggers")
    date = models.DateField()
    message = models.JSONField()
    topic = models.CharField(
        max_length=400, blank=True
    )  # the one in force when it was made, then the one that has it
    message_id = models.CharField(max_length=100, blank=True)

    objects = OutgoingQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["job", "date"], name="one_trigger_per_job_date"),
        )
        indexes = (
            models.Index(
                fields=["next_try_at"],
                condition=models.Q(delivered_at=None),
                name="undelivered_triggers",
            ),
        )

    def __str__(self) -> str:
        return f"trigger for {self.date}"

    @property
    def key(self) -> str:
        """What the repeats of a message share, and no other message has, even one of a database
        that began anew.
        """
        return f"{self.pk}-{self.message['processors'][-1]['run_id']}"

    @property
    def state(self) -> str:
        """Where the message is, in words."""
        if self.delivered_at:
            return f"delivered at {self.delivered_at:%Y-%m-%d %H:%M:%S}"
        if not self.topic:
            return "recorded only: PUBSUB_TOPIC was not set"
        return (
            f"failed {self.tries}×, again at {self.next_try_at:%H:%M:%S}: {self.error}"
            if self.error
            else "to be sent"
        )

    def note_delivery(self, at: datetime, topic: str, message_id: str) -> None:
        """The topic has it."""
        Trigger.objects.filter(pk=self.pk).update(
            delivered_at=at, topic=topic, message_id=message_id, error=""
        )
