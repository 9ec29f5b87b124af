"""The system page: what it shows, and the keys of programs that act in a user's name."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.timezone import now

from backfill.errors import Refused
from backfill.status import system_health
from webapp.models import Token, User
from webapp.ui.query_params import whole

MOST_TOKENS = 20


class TokenForm(forms.Form):
    """What a new key is called."""

    use_required_attribute = False

    name = forms.CharField(
        label="What is the program called?", max_length=80,
        widget=forms.TextInput({"class": "form-control", "autocomplete": "off"}),
        error_messages={"required": "name the program, so that you know later which key it has"},
    )  # fmt: skip


def context() -> dict[str, Any]:
    """Everything that the page shows."""
    return {
        "live": system_health.live(now()),
        "redis": system_health.redis(),
        "places": system_health.places(),
        "versions": system_health.versions(),
        "settings": system_health.in_force(),
        "seasons": system_health.seasons(),
        "events": system_health.events(),
        **system_health.undelivered(),
    }


def cap_of(form: QueryDict) -> tuple[int, str]:
    """The cap that a form asks for, and why. Raises Refused."""
    reason = form.get("reason", "").strip()
    if not reason:
        raise Refused("say why the cap is changed; it is kept with the change")
    return whole(form.get("batches"), "the cap", 0), reason


def issue(user: User, name: str) -> str:
    """A new key of a user's own. Raises Refused."""
    if Token.objects.filter(user=user, name=name).exists():
        raise Refused(
            f"you have a token {name!r} already; revoke that one first, or choose another name"
        )
    if Token.objects.filter(user=user).count() >= MOST_TOKENS:
        raise Refused(
            f"you have {MOST_TOKENS} tokens, which is as many as one may have; revoke one that is not used"
        )
    return Token.issue(user, name)[1]
