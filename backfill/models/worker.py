"""Workers and their heartbeats."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from backfill import process_id


class Worker(models.Model):
    """Process that executes runs. `claims` are the claims it held at `seen_at`."""

    class Kind(models.TextChoices):
        """A worker takes steps of any job from Redis; an inline process runs the one job that it
        started.
        """

        WORKER = "worker"
        INLINE = "inline"

    name = models.CharField(max_length=200, unique=True)  # `host pid start`
    kind = models.CharField(max_length=8, choices=Kind)
    started_at = models.DateTimeField(default=now)
    seen_at = models.DateTimeField(default=now)
    claims = models.JSONField(default=list)
    # Seconds by which its host's clock was ahead of the database server's at `seen_at`.
    clock_ahead = models.FloatField(default=0.0)

    def __str__(self) -> str:
        return self.name

    def is_alive(self, at: datetime) -> bool:
        """Return True if the process is alive: by its PID on this host, by its heartbeat elsewhere."""
        return self.seen_at > at - timedelta(
            seconds=settings.WORKER_DEAD_AFTER_SECONDS
        ) and not process_id.is_gone(self.name)

    @classmethod
    def has_ended(cls, name: str, at: datetime) -> bool:
        """Return True if the process of this name has ended: by its PID on this host, by its
        silence elsewhere.
        """
        if process_id.is_here(name):
            return process_id.is_gone(name)
        worker = cls.objects.filter(name=name).first()
        return worker is None or not worker.is_alive(at)

    @classmethod
    def alive(cls, at: datetime) -> list[Worker]:
        """Return the workers that can take a step now."""
        return [
            w for w in cls.objects.filter(kind=cls.Kind.WORKER).order_by("pk") if w.is_alive(at)
        ]


class Sweep(models.Model):
    """Time and duration of the last sweep for lost work, in a single row."""

    at = models.DateTimeField()
    seconds = models.FloatField()

    def __str__(self) -> str:
        return f"swept at {self.at}"
