"""Outbox: Phase 5 triggers for completed dates and notifications to people about jobs, delivered at
least once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import random
from typing import TYPE_CHECKING, Self, TypeVar

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from backfill import backoff

if TYPE_CHECKING:
    from backfill.models.event import Event
    from backfill.models.job import Job

# Longer than any delivery can take, so that a claim lapses only after a crash.
LEASE = timedelta(seconds=60)
M = TypeVar("M", bound="Outgoing")
MOST_DOUBLINGS = 16  # the delay reaches its maximum long before


class OutgoingQuerySet(models.QuerySet[M]):
    def due(self, at: datetime) -> Self:
        """Return messages due for delivery, longest wait first."""
        return self.filter(delivered_at=None, next_try_at__lte=at).order_by("next_try_at", "pk")


class Outgoing(models.Model):
    """Message kept until delivery: claimed for one attempt, with a longer delay after each failure."""

    created_at = models.DateTimeField(default=now)
    tries = models.PositiveIntegerField(default=0)  # failed attempts
    next_try_at = models.DateTimeField(default=now)  # while claimed: end of the claim
    delivered_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        abstract = True

    def claim(self, at: datetime) -> bool:
        """Claim the message for one delivery; False if another process has claimed it."""
        mine = type(self)._default_manager.filter(
            pk=self.pk, delivered_at=None, next_try_at=self.next_try_at
        )
        self.next_try_at = at + LEASE
        return mine.update(next_try_at=self.next_try_at) == 1

    def put_off(self, at: datetime, error: str) -> None:
        """Schedule the next attempt, with a longer delay each time."""
        delay = timedelta(seconds=backoff.delay_seconds(min(self.tries, MOST_DOUBLINGS), random()))
        mine = type(self)._default_manager.filter(pk=self.pk, next_try_at=self.next_try_at)
        mine.update(tries=models.F("tries") + 1, next_try_at=at + delay, error=error)


class Notice(Outgoing):
    """Notification about a job: done, paused by the system, or stalled. At most one per event and
    kind.

    It is stored with the change that it reports and written when all its facts are known. Then it
    has a title; without anything to report it keeps an empty title and counts as delivered.
    """

    class Kind(models.TextChoices):
        """Done reports only open findings and failures; paused means paused by the system; stalled means
        no progress.
        """

        DONE = "done"
        PAUSED = "paused"
        STALLED = "stalled"

    job = models.ForeignKey("Job", models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=Kind)
    event = models.ForeignKey(
        "Event", models.CASCADE, related_name="notices"
    )  # the reported change
    title = models.CharField(max_length=200, blank=True)
    body = models.TextField(blank=True)
    # Digests of the URLs that have received it, so that a failing URL causes no repeats to the
    # others.
    delivered_to = models.JSONField(default=list)

    objects = OutgoingQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = "notification", "notifications"
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
        return f"notification {self.pk}"

    @property
    def state(self) -> str:
        """Return the delivery status as text."""
        if not self.title:
            return "not sent: nothing needs attention" if self.delivered_at else "not written yet"
        if self.delivered_at:
            return f"delivered at {self.delivered_at:%Y-%m-%d %H:%M:%S}"
        return (
            f"failed {self.tries}×, again at {self.next_try_at:%H:%M:%S}: {self.error}"
            if self.error
            else "queued"
        )

    @classmethod
    def note(cls, job: Job, kind: Kind, event: Event | None = None) -> bool:
        """Store a notification of the job's newest change in the caller's transaction; False if
        NOTIFY_URLS is empty.
        """
        if not settings.NOTIFY_URLS:
            return False
        event = event or job.events.filter(run=None).latest("pk")
        # Due from the event's time, so that a caller with an earlier clock also finds it.
        cls.objects.bulk_create(
            [cls(job=job, kind=kind, event=event, next_try_at=event.at)], ignore_conflicts=True
        )
        return True

    def write(self, title: str, body: str) -> None:
        """Write title and body, unless another process has written them."""
        self._unwritten.update(title=title, body=body)

    def keep_silent(self, at: datetime) -> None:
        """Count as delivered without sending."""
        self._unwritten.update(delivered_at=at)

    @property
    def _unwritten(self) -> models.QuerySet[Notice]:
        return Notice.objects.filter(pk=self.pk, title="", delivered_at=None)


class Trigger(Outgoing):
    """Phase 5 trigger: a date is complete. Without a topic it is recorded and never delivered."""

    job = models.ForeignKey("Job", models.CASCADE, related_name="triggers")
    date = models.DateField()
    message = models.JSONField()
    topic = models.CharField(
        max_length=400, blank=True
    )  # topic in force at creation; after delivery, the one that received it
    message_id = models.CharField(max_length=100, blank=True)

    objects = OutgoingQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = "Phase 5 message", "Phase 5 messages"
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
        """Return the key shared by all repeats of a message, unique even after a database restart
        from empty.
        """
        return f"{self.pk}-{self.message['processors'][-1]['run_id']}"

    @property
    def state(self) -> str:
        """Return the delivery status as text."""
        if self.delivered_at:
            return f"delivered at {self.delivered_at:%Y-%m-%d %H:%M:%S}"
        if not self.topic:
            return "recorded only: PUBSUB_TOPIC was not set"
        return (
            f"failed {self.tries}×, again at {self.next_try_at:%H:%M:%S}: {self.error}"
            if self.error
            else "queued"
        )

    def note_delivery(self, at: datetime, topic: str, message_id: str) -> None:
        """Record the delivery to the topic."""
        Trigger.objects.filter(pk=self.pk).update(
            delivered_at=at, topic=topic, message_id=message_id, error=""
        )
