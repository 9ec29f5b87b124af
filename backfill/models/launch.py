"""Launches kept as a preset, for later, or until a second person approves."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from backfill.models.transitions import Stateful

if TYPE_CHECKING:
    from backfill.plan.options import Options


class Launch(Stateful):
    """Options of a launch without a job yet. A saved one is a preset and can start many times."""

    class State(models.TextChoices):
        """Launch states; waiting means for its time, for approval, or for both."""

        SAVED = "saved"
        WAITING = "waiting"
        STARTED = "started"
        REFUSED = (
            "refused"  # started at its time or by the approver; `outcome_message` is the reason
        )
        WITHDRAWN = "withdrawn"

    name = models.CharField(max_length=80, blank=True)  # of a preset
    options = models.JSONField()
    actor = models.CharField(max_length=150)
    request_id = models.CharField(max_length=64, blank=True)  # request that stored it
    created_at = models.DateTimeField(default=now)
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    start_at = models.DateTimeField(null=True)  # earliest start
    needs_approval = models.CharField(
        max_length=200, blank=True
    )  # reason for requiring approval; empty if none is required
    approved_by = models.CharField(max_length=150, blank=True)
    outcome_message = models.TextField(blank=True)
    job = models.ForeignKey("Job", models.SET_NULL, null=True, related_name="launches")

    STATE = "state"
    EVENT_LINKS: ClassVar = {"launch_id": "pk"}

    class Meta:
        verbose_name, verbose_name_plural = "launch", "launches"
        constraints = (
            models.UniqueConstraint(
                fields=["name"], condition=Q(state="saved"), name="one_preset_per_name"
            ),
        )
        indexes = (models.Index(fields=["state", "start_at"]),)

    def __str__(self) -> str:
        return f"launch {self.pk}"

    @property
    def parsed_options(self) -> Options:
        """Return the requested options."""
        from backfill.plan.options import Options

        return Options.from_json(self.options)

    @property
    def waits_for_approval(self) -> bool:
        """Return True if approval is pending."""
        return (
            self.state == self.State.WAITING and bool(self.needs_approval) and not self.approved_by
        )

    @classmethod
    def awaiting_approval(cls) -> models.QuerySet[Launch]:
        """Return the launches that `waits_for_approval` holds for."""
        return cls.objects.filter(state=cls.State.WAITING, approved_by="").exclude(
            needs_approval=""
        )

    @classmethod
    def due(cls, at: datetime) -> models.QuerySet[Launch]:
        """Return launches ready to start, in the order of their requests."""
        in_time = Q(start_at=None) | Q(start_at__lte=at)
        agreed = Q(needs_approval="") | ~Q(approved_by="")
        return cls.objects.filter(in_time & agreed, state=cls.State.WAITING).order_by("pk")
