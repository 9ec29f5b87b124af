"""What Phase 5 is to be told: written with the run that completes a date, delivered at least once."""

from __future__ import annotations

from django.db import models
from django.utils.timezone import now


class Trigger(models.Model):
    """One message for Phase 5: a date is complete. Without a topic it is recorded and never delivered."""

    job = models.ForeignKey("Job", models.CASCADE, related_name="triggers")
    date = models.DateField()
    message = models.JSONField()
    created_at = models.DateTimeField(default=now)
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=now)
    delivered_at = models.DateTimeField(null=True)
    message_id = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["job", "date"], name="one_trigger_per_job_date"),)
        indexes = (models.Index(fields=["next_try_at"], condition=models.Q(delivered_at=None), name="undelivered_triggers"),)

    def __str__(self) -> str:
        return f"trigger for {self.date}"
