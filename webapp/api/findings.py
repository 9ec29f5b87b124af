"""Findings: what there is to look at, and what somebody makes of it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import F
from django.http import Http404, HttpRequest
from ninja import Router

from backfill.audit.marking import listed, mark
from backfill.documents.finding import as_json
from backfill.errors import Refused
from backfill.models import Finding
from webapp.api.auth import OPERATORS, actor
from webapp.api.schemas import Limit, MarkIn

router = Router(tags=["findings"])
Document = dict[str, Any]
MARKABLE = (*Finding.MARKS, Finding.State.OPEN)


def finding_of(number: int) -> Finding:
    """The finding of this number. Raises Http404."""
    if finding := Finding.objects.filter(pk=number).first():
        return finding
    raise Http404(f"there is no finding {number}")


@router.get("/findings", summary="What there is to look at, worst first")
def findings(
    request: HttpRequest,
    start: date | None = None,
    end: date | None = None,
    everything: bool = False,
    limit: Limit = 200,
) -> Document:
    """As the last judgement left it; `everything` also what is marked or closed."""
    found = listed(start, end, everything=everything)
    return {"count": len(found), "findings": [as_json(finding) for finding in found[:limit]]}


@router.get("/findings/{number}", summary="One finding")
def finding(request: HttpRequest, number: int) -> Document:
    """With its evidence and its history."""
    found = finding_of(number)
    events = list(
        found.events.order_by("pk").values("at", who=F("actor"), what=F("action"), why=F("reason"))
    )
    return {**as_json(found), "events": events}


@router.post("/findings/{number}/mark", auth=OPERATORS, summary="Mark a finding")
def mark_finding(request: HttpRequest, number: int, given: MarkIn) -> Document:
    """With a reason, which is kept."""
    if given.state not in MARKABLE:
        raise Refused(f"{given.state!r} is no mark; choose from {', '.join(MARKABLE)}")
    return as_json(mark(finding_of(number), given.state, actor(request), given.reason))
