"""What Phase 5 is to be told: written with the run that completes a date, delivered at least once."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import random

from django.db import models
from django.utils.timezone import now

from backfill import backoff

# Longer than any delivery may take, so that only a crash lets a claim lapse.
LEASE = timedelta(seconds=60)
MOST_DOUBLINGS = 16  # the delay has long reached its limit there


class TriggerQuerySet(models.QuerySet["Trigger"]):
    """Triggers, many at once."""

    def due(self, at: datetime) -> TriggerQuerySet:
        """Those to be sent now, the one that has waited longest first."""
        return self.filter(delivered_at=None, next_try_at__lte=at).exclude(topic="").order_by("next_try_at", "pk")


class Trigger(models.Model):
    """One message for Phase 5: a date is complete. Without a topic it is recorded and never delivered."""

    job = models.ForeignKey("Job", models.CASCADE, related_name="triggers")
    date = models.DateField()
    message = models.JSONField()
    topic = models.CharField(max_length=400, blank=True)  # the one in force when it was made, then the one that has it
    created_at = models.DateTimeField(default=now)
    tries = models.PositiveIntegerField(default=0)  # those that failed
    next_try_at = models.DateTimeField(default=now)  # while somebody sends it: when the claim lapses
    delivered_at = models.DateTimeField(null=True)
    message_id = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)

    objects = TriggerQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["job", "date"], name="one_trigger_per_job_date"),)
        indexes = (models.Index(fields=["next_try_at"], condition=models.Q(delivered_at=None), name="undelivered_triggers"),)

    def __str__(self) -> str:
        return f"trigger for {self.date}"

    @property
    def key(self) -> str:
        """What the repeats of a message share, and no other message has, even one of a database that began anew."""
        return f"{self.pk}-{self.message['processors'][-1]['run_id']}"

    @property
    def state(self) -> str:
        """Where the message is, in words."""
        if self.delivered_at:
            return f"delivered at {self.delivered_at:%Y-%m-%d %H:%M:%S}"
        if not self.topic:
            return "recorded only: PUBSUB_TOPIC was not set"
        return f"failed {self.tries}×, again at {self.next_try_at:%H:%M:%S}: {self.error}" if self.error else "to be sent"

    def claim(self, at: datetime) -> bool:
        """Take it for one delivery; False means that somebody else got here first."""
        mine = Trigger.objects.filter(pk=self.pk, delivered_at=None, next_try_at=self.next_try_at)
        self.next_try_at = at + LEASE
        return mine.update(next_try_at=self.next_try_at) == 1

    def note_delivery(self, at: datetime, topic: str, message_id: str) -> None:
        """The topic has it."""
        Trigger.objects.filter(pk=self.pk).update(delivered_at=at, topic=topic, message_id=message_id, error="")

    def put_off(self, at: datetime, error: str) -> None:
        """Let it be tried again, later each time."""
        delay = timedelta(seconds=backoff.delay_seconds(min(self.tries, MOST_DOUBLINGS), random()))
        mine = Trigger.objects.filter(pk=self.pk, next_try_at=self.next_try_at)
        mine.update(tries=models.F("tries") + 1, next_try_at=at + delay, error=error)
