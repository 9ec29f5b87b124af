"""Launches: presets, scheduled launches and launches awaiting approval."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router

from backfill.documents.launch import launch_document
from backfill.jobs.launches import approve_launch, refuse_launch, withdraw_launch
from backfill.models import Launch
from webapp.api.auth import actor, operators
from webapp.api.schemas import ApproveIn, Limit, ReasonIn, confirming

router = Router(tags=["launches"])
Document = dict[str, Any]


def launch_of(number: int) -> Launch:
    """Return the launch with this number. Raises Http404."""
    if launch := Launch.objects.filter(pk=number).first():
        return launch
    raise Http404(f"launch {number} does not exist")


@router.get("/launches", summary="List launches")
def launches(request: HttpRequest, state: str = "", limit: Limit = 50) -> Document:
    """Return the latest launches; `state` is saved, waiting, started, refused or withdrawn."""
    found = Launch.objects.order_by("-pk")
    return {
        "launches": [
            launch_document(launch)
            for launch in (found.filter(state=state) if state else found)[:limit]
        ]
    }


@router.post("/launches/{number}/approve", auth=operators("approve"), summary="Approve a launch")
def approve(request: HttpRequest, number: int, given: ApproveIn) -> Document:
    """Approve a launch of another user; it starts immediately or at its scheduled time."""
    approved = approve_launch(
        launch_of(number), actor(request), given.reason, confirm=confirming(given)
    )
    return launch_document(approved)


@router.post("/launches/{number}/refuse", auth=operators("approve"), summary="Refuse a launch")
def refuse(request: HttpRequest, number: int, given: ReasonIn) -> Document:
    """Refuse a launch with a reason."""
    return launch_document(refuse_launch(launch_of(number), actor(request), given.reason))


@router.post(
    "/launches/{number}/withdraw",
    auth=operators("approve"),
    summary="Withdraw a launch or a preset",
)
def withdraw(request: HttpRequest, number: int, given: ReasonIn) -> Document:
    """Withdraw a pending launch or delete a preset."""
    return launch_document(withdraw_launch(launch_of(number), actor(request), given.reason))
