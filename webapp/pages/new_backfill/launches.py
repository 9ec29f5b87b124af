"""Pending launches and presets as the page lists them, with the decisions each user can make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from backfill.errors import BackcourtError, Refused
from backfill.jobs.confirmation import check_overwrites
from backfill.jobs.launches import approve_launch, list_presets, refuse_launch, withdraw_launch
from backfill.models import Launch
from backfill.plan.options import Options
from webapp.auth.permissions import OPERATORS_ONLY
from webapp.models import User
from webapp.pages.new_backfill.plan_view import PlanView
from webapp.ui.query_params import MAX_REASON, too_long

State = Launch.State
SHOWN = 8  # recent decisions
QUESTIONS: Mapping[str, str] = {"approve": "Approve", "refuse": "Refuse", "withdraw": "Withdraw"}


class DecisionForm(forms.Form):
    """Reason for a decision."""

    why = forms.CharField(
        label="Reason",
        max_length=MAX_REASON,
        widget=forms.Textarea({"rows": 2, "class": "form-control"}),
    )

    def __init__(self, *, required: bool) -> None:
        super().__init__(auto_id="decide-%s")
        self.fields["why"].required = required
        self.fields["why"].help_text = "" if required else "optional"


@dataclass(frozen=True)
class LaunchRow:
    """A launch with its options, and per verb the reason why this user cannot decide it."""

    launch: Launch
    options: Options
    verbs: dict[str, str]

    @property
    def disabled_reasons(self) -> list[tuple[str, str]]:
        """Verbs and the reason against them, one entry per reason."""
        reasons = dict.fromkeys(reason for reason in self.verbs.values() if reason)
        return [
            (", ".join(verb for verb, why in self.verbs.items() if why == reason), reason)
            for reason in reasons
        ]


def waiting(user: User) -> list[LaunchRow]:
    """Return launches awaiting their start time or approval, the oldest first."""
    return [
        listed(kept, user) for kept in Launch.objects.filter(state=State.WAITING).order_by("pk")
    ]


def decided() -> QuerySet[Launch]:
    """Return the newest started, refused or withdrawn launches, without presets."""
    return (
        Launch.objects.exclude(state__in=(State.WAITING, State.SAVED))
        .filter(name="")
        .order_by("-pk")[:SHOWN]
    )


def presets(user: User) -> list[LaunchRow]:
    """Return the presets by name."""
    return [listed(kept, user) for kept in list_presets()]


def listed(kept: Launch, user: User) -> LaunchRow:
    """Return the row of a launch for this user."""
    options = Options.from_json(kept.options)
    verbs = ["withdraw"]
    if kept.waits_for_approval:
        verbs = ["approve", "refuse", "withdraw"]
    elif kept.state == State.WAITING and kept.actor != user.username:
        verbs = ["refuse", "withdraw"]
    return LaunchRow(kept, options, {verb: disabled_reason(verb, kept, user) for verb in verbs})


def disabled_reason(verb: str, kept: Launch, user: User) -> str:
    """Return the reason why the user cannot make this decision; empty if allowed."""
    if not user.may_operate:
        return OPERATORS_ONLY
    own = user.username == kept.actor
    if verb in ("approve", "refuse") and own:
        return "a second operator must approve or refuse your launch"
    if verb == "withdraw" and kept.state == State.WAITING and not (own or user.may_administer):
        return f"only {kept.actor} or an admin can withdraw it"
    return ""


def question(verb: str, kept: Launch, user: User) -> dict[str, Any]:
    """Return the context of the confirmation: the launch's current plan, or the error instead."""
    asked = {
        "verb": verb,
        "words": "Delete" if kept.state == State.SAVED else QUESTIONS[verb],
        "item": listed(kept, user),
        "disabled_reason": disabled_reason(verb, kept, user),
        "form": DecisionForm(required=verb == "refuse"),
    }
    try:
        return {**asked, "shown": PlanView(Options.from_json(kept.options))}
    except BackcourtError as error:
        return {**asked, "nothing": str(error)}


def decide(verb: str, kept: Launch, user: User, given: QueryDict) -> str:
    """Carry out a decision; return the message about its result. Raises Refused."""
    reason = given.get("why", "").strip()
    if refusal := disabled_reason(verb, kept, user) or too_long(reason):
        raise Refused(refusal)
    if verb == "approve":
        confirm = partial(check_overwrites, number=given.get("overwrites"))
        done = approve_launch(kept, user.username, reason, confirm=confirm)
    else:
        decision = refuse_launch if verb == "refuse" else withdraw_launch
        is_preset = kept.state == State.SAVED
        done = decision(kept, user.username, reason)
        if is_preset:
            return f"Preset {done.name} deleted."
    job = f" as job {done.job_id}" if done.job_id else ""
    return f"{done.name or done} is {done.state}{job}{f': {done.outcome_message}' if done.outcome_message else ''}"
