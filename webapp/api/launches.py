"""Launches: presets, and what waits for its time or for a second person."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router

from backfill.jobs.launches import approve_launch, refuse_launch, withdraw_launch
from backfill.models import Launch
from webapp.api.auth import OPERATORS, actor
from webapp.api.schemas import Limit, ReasonIn

router = Router(tags=["launches"])
Document = dict[str, Any]


def launch_of(number: int) -> Launch:
    """The launch of this number. Raises Http404."""
    if launch := Launch.objects.filter(pk=number).first():
        return launch
    raise Http404(f"there is no launch {number}")


def _as_json(launch: Launch) -> Document:
    return {
        "launch": launch.pk,
        "name": launch.name,
        "state": launch.state,
        "options": launch.options,
        "who": launch.actor,
        "created_at": launch.created_at,
        "start_at": launch.start_at,
        "needs_approval": launch.needs_approval,
        "approved_by": launch.approved_by,
        "said": launch.outcome_message,
        "job": launch.job_id,
    }


@router.get("/launches", summary="The newest launches")
def launches(request: HttpRequest, state: str = "", limit: Limit = 50) -> Document:
    """Of one state, where that is given: saved, waiting, started, refused, withdrawn."""
    found = Launch.objects.order_by("-pk")
    return {
        "launches": [
            _as_json(launch) for launch in (found.filter(state=state) if state else found)[:limit]
        ]
    }


@router.post("/launches/{number}/approve", auth=OPERATORS, summary="Agree to a launch")
def approve(request: HttpRequest, number: int, given: ReasonIn) -> Document:
    """By a second person; it starts when its time has come."""
    return _as_json(approve_launch(launch_of(number), actor(request), given.reason))


@router.post("/launches/{number}/refuse", auth=OPERATORS, summary="Refuse a launch")
def refuse(request: HttpRequest, number: int, given: ReasonIn) -> Document:
    """With the reason, for the one who asked."""
    return _as_json(refuse_launch(launch_of(number), actor(request), given.reason))


@router.post("/launches/{number}/withdraw", auth=OPERATORS, summary="Withdraw a launch or a preset")
def withdraw(request: HttpRequest, number: int, given: ReasonIn) -> Document:
    """Take it back."""
    return _as_json(withdraw_launch(launch_of(number), actor(request), given.reason))
