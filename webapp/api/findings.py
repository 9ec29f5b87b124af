"""Findings and their marks."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.http import Http404, HttpRequest
from ninja import Router

from backfill.audit.marking import listed, mark
from backfill.documents.finding import as_json, as_list, as_whole
from backfill.errors import Refused
from backfill.models import Finding
from webapp.api.auth import actor, operators
from webapp.api.body import Day
from webapp.api.schemas import Limit, MarkIn

router = Router(tags=["findings"])
Document = dict[str, Any]
MARKABLE = (*Finding.MARKS, Finding.State.OPEN)


def finding_of(number: int) -> Finding:
    """Return the finding with this number. Raises Http404."""
    if finding := Finding.objects.filter(pk=number).first():
        return finding
    raise Http404(f"finding {number} does not exist")


@router.get("/findings", summary="List findings")
def findings(
    request: HttpRequest,
    start: Day | None = None,
    end: Day | None = None,
    everything: bool = False,
    limit: Limit = 200,
) -> Document:
    """Return the findings of the latest audit, most severe first, each with its consequences.

    `count` counts a finding and its consequences as one. `everything` includes informational, marked and closed findings.
    """
    found = as_list(listed(start, end, everything=everything))
    return {"count": len(found), "findings": found[:limit]}


@router.get("/findings/{number}", summary="Get a finding")
def finding(request: HttpRequest, number: int) -> Document:
    """Return a finding with its evidence and history."""
    found = finding_of(number)
    events = list(
        found.events.order_by("pk").values("at", who=F("actor"), what=F("action"), why=F("reason"))
    )
    return {**as_whole(found), "events": events}


@router.post("/findings/{number}/mark", auth=operators("mark"), summary="Mark a finding")
def mark_finding(request: HttpRequest, number: int, given: MarkIn) -> Document:
    """Mark a finding as acknowledged, expected or fixed, or reopen it. The reason is stored."""
    if given.state not in MARKABLE:
        raise Refused(f"{given.state!r} is not a mark; choose from {', '.join(MARKABLE)}")
    return as_json(mark(finding_of(number), given.state, actor(request), given.reason))
