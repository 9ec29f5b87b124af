"""From a form to a start: whether it can be pressed, what its button says, and what is asked of
whom before it is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from django.conf import settings
from django.http import QueryDict

from backfill.errors import BackcourtError, Refused
from backfill.execution.live_checks import KINDS
from backfill.jobs.launches import NOTHING_TO_DO, approval_reason, launch_backfill, save_preset
from backfill.models import Job, Launch
from backfill.plan import signed_plan
from backfill.plan.options import Options
from backfill.plan.shell_command import command
from validation.findings.kinds import pluralize
from validation.thresholds import COMPLETENESS
from webapp.auth.permissions import OPERATORS_ONLY
from webapp.models import User
from webapp.pages.new_backfill.form import NO_REASON, LaunchForm
from webapp.pages.new_backfill.plan_view import PlanView
from webapp.ui.form_fields import ON

# What each check of normal mode asks.
ASKS = {
    "defensive": "Have the processors upstream of it run for the date?",
    "freshness": "Are its sources there, and new enough?",
    "completeness": f"From day {COMPLETENESS.first_day} on: is every game of a player there that was played?",
    "trigger": "Tell Phase 5 that the date is complete.",
}


@dataclass(frozen=True)
class LiveCheckRow:
    """One check of normal mode, and why backfill mode leaves it out."""

    name: str
    asks: str
    because: str


CHECKS = tuple(
    LiveCheckRow(kind.name, ASKS[kind.name], kind.backfill_skips_it_because) for kind in KINDS
)


class LaunchDraft:
    """A form as it stands, for one user: the preview of it, and what pressing the button would do."""

    def __init__(self, query: QueryDict, user: User) -> None:
        self.form, self.user = LaunchForm(query), user
        self.nothing = ""  # why there is no preview

    @cached_property
    def shown(self) -> PlanView | None:
        """The preview; None when `nothing` says why there is none."""
        if self.form.options is None:
            self.nothing = (
                "Choose the dates first" if not self.form.errors else "Correct the dates first"
            )
            return None
        try:
            return PlanView(self.form.options)
        except (
            BackcourtError
        ) as error:  # a sentence in the place of the preview; what is typed stays
            self.nothing = str(error)
            return None

    @property
    def at(self) -> datetime | None:
        """When it is to start, None for now."""
        at: datetime | None = self.form.cleaned_data.get("at")
        return at

    @property
    def approval(self) -> str:
        """Why a second person has to agree, empty when nobody has to."""
        return (
            approval_reason(self.shown.plan, settings.APPROVAL_THRESHOLD_DATES)
            if self.shown and not self.user.may_administer
            else ""
        )

    @property
    def button(self) -> str:
        """What the button says, exactly."""
        if self.shown is None:
            return "Start"
        if self.shown.preview.goes_on:
            return f"Go on with {self.shown.preview.goes_on}"
        what = f"{self.shown.what}{f' at {self.at:%Y-%m-%d %H:%M} UTC' if self.at else ''}"
        return f"Ask for approval to start {what}" if self.approval else f"Start {what}"

    @property
    def why_not(self) -> str:
        """Why the button cannot be pressed; empty when it can."""
        return next(self._obstacles(), "")

    def _obstacles(self) -> Iterator[str]:
        if not self.user.may_operate:
            yield f"{OPERATORS_ONLY}: you are logged in as a viewer"
        if self.shown is None:
            yield "there is no plan to start"
        elif not self.shown.plan.todo:
            yield _nothing_to_do(self.shown.options)
        if self.form.errors:
            yield f"correct {pluralize(len(self.form.errors), 'field')} first"
        if self.shown:
            yield from map(str, self._stops(self.shown))
        if not self.form.cleaned_data.get("reason"):
            yield "give a reason"

    def _stops(self, shown: PlanView) -> list[str]:
        stops = shown.report.stops(skip=shown.options.skip_preflight)
        if self.at is not None:  # the preflight is made again when the time has come
            return []
        if not stops:
            return []
        could = all(item.kind.can_be_overridden for item in stops)
        return [
            f"the preflight blocks it; {'mend that, or skip the preflight' if could else stops[0].sentence}"
        ]

    @property
    def sealed(self) -> str:
        """The plan that is shown, as it travels with the button."""
        return signed_plan.seal(self.shown.plan) if self.shown else ""

    @property
    def command(self) -> str:
        """The shell command that does the same."""
        if self.form.options is None:
            return ""
        at = f" --at '{self.at.astimezone(UTC):%Y-%m-%d %H:%M}'" if self.at else ""
        return command(self.form.options) + at

    def start(self, given: QueryDict) -> Job | Launch | None:
        """Start what was previewed, or keep it until it may start. Raises Refused, and marks the
        fields that are why.
        """
        if not self.form.cleaned_data.get("reason"):
            self.form.add_error("reason", NO_REASON)
        if self.form.errors or self.form.options is None:
            raise Refused("something in the form is not right; it is said beside the field")
        if not (previewed := given.get("previewed")):
            raise Refused("look at the preview first, then start that")
        self._check_typed(given.get("overwrites") or "")
        return launch_backfill(
            self.form.options,
            self.user.username,
            start_at=self.at,
            exempt=self.user.may_administer,
            previewed=previewed,
            computed=self.shown.preview if self.shown else None,
        )

    def save(self, given: QueryDict) -> Launch:
        """Keep the form under a name. Raises Refused."""
        if self.form.errors or self.form.options is None:
            raise Refused(
                "something in the form is not right; it is said beside the field, and nothing was saved"
            )
        replace = given.get("replace") == ON
        return save_preset(
            given.get("name") or "", self.form.options, self.user.username, replace=replace
        )

    def _check_typed(self, number: str) -> None:
        there = self.shown.preview.overwrites if self.shown else 0
        if there and number.strip().replace(",", "") != str(there):
            what = (
                f"{there:,} complete runs would be replaced"
                if there > 1
                else "a complete run would be replaced"
            )
            raise Refused(f"{what}; type {there} beside the button to confirm it")


def _nothing_to_do(options: Options) -> str:
    if options.failed:
        return "nothing of these dates has failed"
    return "everything is complete already; choose “Everything” to run it again"


def posted(given: QueryDict) -> QueryDict:
    """What a form was when it was sent: all its fields, or, from a browser without scripts, the
    address of its preview.
    """
    return given if "start" in given else QueryDict(given.get("state"))


def kept_text(made: Launch | None) -> str:
    """What has become of a start that made no job."""
    if made is None:
        return NOTHING_TO_DO
    waits = [f"for {made.start_at:%Y-%m-%d %H:%M} UTC"] if made.start_at else []
    waits += [f"until a second person agrees: {made.needs_approval}"] if made.needs_approval else []
    return f"{made} waits {' and '.join(waits)}"
