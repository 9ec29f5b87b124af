"""Findings as they are kept: opened, closed by themselves when their evidence is gone, opened again
when it returns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.timezone import now

from backfill.execution.dispatch import SYSTEM
from backfill.models import Event, EventKind, Finding, Limits
from backfill.models.finding import as_fields
from validation.findings.kinds import KINDS
from validation.findings.kinds import FindingDraft as Found

State = Finding.State
MARKED = (State.EXPECTED, State.FIXED)


@dataclass(frozen=True)
class SeasonFindings:
    """What was found in a season. `newest_run` is when its newest run began: what was marked fixed
    before it, and is found
    after it, is not. On `moving` dates something was being run, so that what is not found there may
    only be hidden.
    """

    season: int
    findings: Sequence[Found]
    newest_run: datetime | None = None
    moving: frozenset[str] = frozenset()


def keep(judged: SeasonFindings) -> None:
    """Make what is kept of a season equal to what was found in it."""
    with transaction.atomic():
        Limits.hold()  # two judgements at once would each open what the other has just opened
        kept = {
            (f.kind, f.season, f.subject): f for f in Finding.objects.filter(season=judged.season)
        }
        found = {finding.key: finding for finding in judged.findings}
        for key, finding in found.items():
            before = kept.get(key) or _larger(
                finding, [was for other, was in kept.items() if other not in found]
            )
            if before:
                kept.pop((before.kind, before.season, before.subject))
                _still(before, finding, judged.newest_run)
            else:
                _open(finding)
        for was in kept.values():
            if was.state != State.CLOSED and not judged.moving.intersection(was.dates):
                was.transition(
                    (was.state,), State.CLOSED, actor=SYSTEM, reason="its evidence is gone"
                )


def _larger(found: Found, kept: Iterable[Finding]) -> Finding | None:
    """The Finding that this one is what is left of: a range is named by its first date, and that
    has been mended.
    """
    dates = {str(day) for day in found.dates}
    same = (
        was
        for was in kept
        if was.kind == found.kind.name and was.state != State.CLOSED and dates < set(was.dates)
    )
    return next((was for was in same if _undated(was.subject) == _undated(found.subject)), None)


def _undated(subject: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d", "", subject)


def _open(found: Found) -> None:
    finding = Finding.objects.create(
        kind=found.kind.name,
        season=found.season,
        subject=found.subject,
        **as_fields(found, KINDS.index(found.kind)),
    )
    Event.objects.create(
        finding=finding,
        kind=EventKind.CREATED,
        to_state=State.OPEN,
        actor=SYSTEM,
        action=State.OPEN,
        reason=found.sentence[:500],
    )


def _still(kept: Finding, found: Found, newest_run: datetime | None) -> None:
    """Bring a kept Finding up to date, and open it again when that is due."""
    reason = _why_again(kept, found, newest_run)
    fields = {"subject": found.subject, **as_fields(found, KINDS.index(found.kind))}
    if kept.state in MARKED and not reason:
        del fields["dates"]  # what was marked: more of them open it again
    Finding.objects.filter(pk=kept.pk).update(seen_at=now(), **fields)
    if reason:
        kept.transition((kept.state,), State.OPEN, actor=SYSTEM, reason=reason, found_at=now())


def _why_again(kept: Finding, found: Found, newest_run: datetime | None) -> str:
    """Why a Finding that is found has to be looked at again; empty when it has not."""
    is_newer = newest_run is not None and kept.marked_at is not None and newest_run > kept.marked_at
    if kept.state == State.CLOSED:
        return "its evidence is there again"
    if kept.state == State.FIXED and is_newer:
        return "it was marked fixed, and is found after a newer run"
    if kept.state in MARKED and (more := {str(d) for d in found.dates} - set(kept.dates)):
        return f"it was marked {kept.state}, and is found on {len(more)} more dates, the first of them {min(more)}"
    return ""
