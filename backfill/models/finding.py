"""Findings, and how people have marked them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from backfill.models.transitions import Stateful
from validation.findings.kinds import BY_NAME, Severity
from validation.findings.kinds import FindingDraft as Found


def folded(findings: Iterable[Finding]) -> list[tuple[Finding, list[Finding]]]:
    """Return findings with their consequences, in order. One whose root is not among them is on
    its own.
    """
    found = list(findings)
    roots = {finding.pk for finding in found}
    below: dict[int | None, list[Finding]] = {}
    for finding in found:
        below.setdefault(finding.root_id, []).append(finding)
    return [(f, below.get(f.pk, [])) for f in found if f.root_id not in roots]


class FindingQuerySet(models.QuerySet["Finding"]):
    def about(self, start: date | None, end: date | None) -> FindingQuerySet:
        """Return findings with a date in the range."""
        found = self.filter(first__lte=end) if end else self
        return found.filter(last__gte=start) if start else found

    def listed(self) -> FindingQuerySet:
        """Return open and acknowledged findings, worst first, without consequences of a root that
        is marked expected or fixed.
        """
        settled = (Finding.State.EXPECTED, Finding.State.FIXED)
        found = self.filter(state__in=Finding.LISTED).exclude(root__state__in=settled)
        return found.order_by("-severity", "rank", "first", "pk")

    def counted(self) -> FindingQuerySet:
        """Return the roots of these findings: a consequence counts as a part of its root."""
        own = Q(pk__in=self.filter(root=None).order_by().values("pk"))
        others = Q(pk__in=self.exclude(root=None).order_by().values("root"))
        return Finding.objects.filter(own | others)


class Finding(Stateful):
    """Finding, kept after its evidence is gone. Unique by kind, season and subject."""

    class State(models.TextChoices):
        """Open and acknowledged findings are listed; a marked one stays hidden until its evidence
        grows.
        """

        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"
        EXPECTED = "expected"
        FIXED = "fixed"
        CLOSED = "closed"

    kind = models.CharField(max_length=40)
    season = models.PositiveIntegerField()
    subject = models.CharField(max_length=300)
    rank = models.PositiveSmallIntegerField()  # rank of the kind among all kinds, worst first
    severity = models.PositiveSmallIntegerField()
    sentence = models.TextField()
    cause = models.TextField(blank=True)
    dates = models.JSONField(default=list)
    first = models.DateField()
    last = models.DateField()
    processors = models.JSONField(default=list)
    count = models.PositiveIntegerField(default=0)
    numbers = models.JSONField(default=dict)
    evidence = models.JSONField(
        default=dict
    )  # identifiers of the evidence: table, tables, columns, source rows
    query = models.TextField(blank=True)
    action = models.JSONField(null=True)
    # Finding that this one follows from and closes with.
    root = models.ForeignKey("self", models.SET_NULL, null=True, related_name="consequences")
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    marked_by = models.CharField(max_length=150, blank=True)
    note = models.TextField(blank=True)  # reason for the mark
    marked_at = models.DateTimeField(null=True)
    found_at = models.DateTimeField(default=now)  # last time it was opened
    seen_at = models.DateTimeField(default=now)

    objects = FindingQuerySet.as_manager()

    STATE = "state"
    EVENT_LINKS: ClassVar = {"finding_id": "pk"}
    LISTED = (State.OPEN, State.ACKNOWLEDGED)
    MARKS = (State.ACKNOWLEDGED, State.EXPECTED, State.FIXED)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["kind", "season", "subject"], name="one_finding_per_subject"
            ),
        )
        indexes = (models.Index(fields=["state", "-severity"]),)

    def __str__(self) -> str:
        return f"finding {self.pk}: {self.sentence}"

    @property
    def weight(self) -> Severity:
        return Severity(self.severity)

    @property
    def advice(self) -> str:
        """Return the advice of its kind; none where all failures are expected."""
        if self.severity == Severity.NOTE and BY_NAME[self.kind].severity > Severity.NOTE:
            return "No action: all failures are expected."
        return BY_NAME[self.kind].advice


class SeasonAudit(models.Model):
    """Last audit of a season: time, number of (processor, date) compared, unexpected failures."""

    season = models.PositiveIntegerField(unique=True)
    at = models.DateTimeField()
    seconds = models.FloatField()
    compared = models.PositiveIntegerField()
    unexplained = models.PositiveIntegerField()
    inputs = models.CharField(max_length=16, blank=True)  # version of Phase 3 that it read

    def __str__(self) -> str:
        return f"season {self.season} audited at {self.at}"


def as_fields(found: Found, rank: int) -> dict[str, Any]:
    """Return the stored columns of a finding of `validation`."""
    action = found.action
    return {
        "rank": rank,
        "severity": int(found.weight),
        "sentence": found.sentence,
        "cause": found.cause or found.kind.cause,
        "dates": [str(day) for day in found.dates],
        "first": found.dates[0],
        "last": found.dates[-1],
        "processors": list(found.processors),
        "count": found.count,
        "numbers": dict(found.numbers),
        "evidence": dict(found.evidence),
        "query": found.query,
        "action": action
        and {
            "start": str(action.start),
            "end": str(action.end),
            "processors": list(action.processors),
            "force": action.force,
            "outdated": action.outdated,
            "brake": action.brake,
            "first": action.first,
            "command": action.command,
        },
    }
