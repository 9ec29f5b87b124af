"""Launches that wait, as the page lists them, and who may decide what about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from backfill.errors import BackcourtError, Refused
from backfill.jobs.launches import approve_launch, list_presets, refuse_launch, withdraw_launch
from backfill.models import Launch
from backfill.plan.options import Options
from webapp.auth.permissions import OPERATORS_ONLY
from webapp.models import User
from webapp.pages.new_backfill.plan_view import PlanView
from webapp.ui.query_params import too_long

State = Launch.State
SHOWN = 8  # that are decided; the newest
QUESTIONS: Mapping[str, str] = {"approve": "Approve", "refuse": "Refuse", "withdraw": "Withdraw"}


@dataclass(frozen=True)
class LaunchRow:
    """A launch, with its options in words and why this user may not decide it, by verb."""

    launch: Launch
    options: Options
    verbs: dict[str, str]

    @property
    def why_nots(self) -> list[str]:
        """Each reason why not, once."""
        return list(dict.fromkeys(reason for reason in self.verbs.values() if reason))


def waiting(user: User) -> list[LaunchRow]:
    """Those that wait for their time or for a second person, the oldest first."""
    return [
        listed(kept, user) for kept in Launch.objects.filter(state=State.WAITING).order_by("pk")
    ]


def decided() -> QuerySet[Launch]:
    """The newest that were started, refused or withdrawn; presets that were are none."""
    return (
        Launch.objects.exclude(state__in=(State.WAITING, State.SAVED))
        .filter(name="")
        .order_by("-pk")[:SHOWN]
    )


def presets(user: User) -> list[LaunchRow]:
    """The saved ones, by name."""
    return [listed(kept, user) for kept in list_presets()]


def listed(kept: Launch, user: User) -> LaunchRow:
    """A launch as this user sees it."""
    options = Options.from_json(kept.options)
    verbs = ["withdraw"]
    if kept.waits_for_approval:
        verbs = ["approve", "refuse", "withdraw"]
    elif kept.state == State.WAITING and kept.actor != user.username:
        verbs = ["refuse", "withdraw"]
    return LaunchRow(kept, options, {verb: disabled_reason(verb, kept, user) for verb in verbs})


def disabled_reason(verb: str, kept: Launch, user: User) -> str:
    """Why somebody may not decide so; empty when he may."""
    if not user.may_operate:
        return OPERATORS_ONLY
    own = user.username == kept.actor
    if verb in ("approve", "refuse") and own:
        return "you asked for it; a second person has to decide"
    if verb == "withdraw" and kept.state == State.WAITING and not (own or user.may_administer):
        return f"only {kept.actor} or an admin can withdraw it"
    return ""


def question(verb: str, kept: Launch, user: User) -> dict[str, Any]:
    """What is asked before a launch is decided: what it would start if it started now, or why that
    cannot be said.
    """
    asked = {
        "verb": verb,
        "words": QUESTIONS[verb],
        "item": listed(kept, user),
        "why_not": disabled_reason(verb, kept, user),
    }
    try:
        return {
            **asked,
            "shown": PlanView(Options.from_json(kept.options)),
            "needs_why": verb == "refuse",
        }
    except BackcourtError as error:
        return {**asked, "nothing": str(error), "needs_why": verb == "refuse"}


def decide(verb: str, kept: Launch, user: User, reason: str) -> str:
    """Carry it out; return what has become of it. Raises Refused."""
    if said := disabled_reason(verb, kept, user) or too_long(reason):
        raise Refused(said)
    done = {"approve": approve_launch, "refuse": refuse_launch, "withdraw": withdraw_launch}[verb](
        kept, user.username, reason
    )
    job = f" as job {done.job_id}" if done.job_id else ""
    return f"{done.name or done} is {done.state}{job}{f': {done.outcome_message}' if done.outcome_message else ''}"
