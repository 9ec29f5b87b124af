"""A whole launch that is kept: under a name, for later, or until a second person agrees."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import Q
from django.utils.timezone import now

from backfill.models.events import Event

if TYPE_CHECKING:
    from backfill.options import Options


class Launch(models.Model):
    """Options that somebody asked for and that are no job yet. A saved one is a preset and may be started many times."""

    class State(models.TextChoices):
        """Waiting means: for its time, or for a second person, or for both."""

        SAVED = "saved"
        WAITING = "waiting"
        STARTED = "started"
        REFUSED = "refused"  # when its time had come, or by the second person; `said` tells why
        WITHDRAWN = "withdrawn"

    name = models.CharField(max_length=80, blank=True)  # of a preset
    options = models.JSONField()
    who = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=now)
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    start_at = models.DateTimeField(null=True)  # not before then
    needs_approval = models.CharField(max_length=200, blank=True)  # why a second person has to agree; empty when nobody has to
    approved_by = models.CharField(max_length=150, blank=True)
    said = models.TextField(blank=True)
    job = models.ForeignKey("Job", models.SET_NULL, null=True, related_name="launches")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["name"], condition=Q(state="saved"), name="one_preset_per_name"),)
        indexes = (models.Index(fields=["state", "start_at"]),)

    def __str__(self) -> str:
        return f"launch {self.pk}"

    @property
    def parsed_options(self) -> Options:
        """The options that were asked for."""
        from backfill.options import Options

        return Options.from_json(self.options)

    @property
    def waits_for_approval(self) -> bool:
        """Whether a second person has yet to decide."""
        return self.state == self.State.WAITING and bool(self.needs_approval) and not self.approved_by

    def move(self, old: Collection[str], new: str, who: str, why: str = "", **fields: object) -> bool:
        """Change the state if it is one of `old`, with its event; False means that somebody else changed it first."""
        with transaction.atomic():
            before = self.state
            mine = Launch.objects.filter(Q(pk=self.pk, state=before) & Q(state__in=list(old)))
            if not mine.update(state=new, **fields):
                return False
            Event.objects.create(launch=self, who=who, what=f"{before} → {new}", why=why)
        self.refresh_from_db()
        return True

    @classmethod
    def due(cls, at: datetime) -> models.QuerySet[Launch]:
        """Those that nothing holds back any more, in the order in which they were asked for."""
        in_time = Q(start_at=None) | Q(start_at__lte=at)
        agreed = Q(needs_approval="") | ~Q(approved_by="")
        return cls.objects.filter(in_time & agreed, state=cls.State.WAITING).order_by("pk")
