"""Draft of a launch: the preview of a form, its Start button, and the start itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial

from django.conf import settings
from django.http import QueryDict
from django.utils.timezone import now

from backfill.errors import BackcourtError, Refused
from backfill.execution.live_checks import KINDS
from backfill.jobs.approval import approval_needed
from backfill.jobs.confirmation import check_overwrites
from backfill.jobs.launches import NOTHING_TO_DO, launch_backfill, save_preset
from backfill.models import Job, Launch
from backfill.plan import signed_plan
from backfill.plan.option_fields import spec_of
from backfill.plan.options import FIELDS, Options
from backfill.plan.shell_command import command
from validation.findings.kinds import pluralize
from validation.thresholds import COMPLETENESS
from webapp.auth.permissions import OPERATORS_ONLY
from webapp.models import User
from webapp.pages.new_backfill.form import NO_REASON, LaunchForm
from webapp.pages.new_backfill.plan_view import PlanView
from webapp.ui.form_fields import ON

FIX_FIELDS = "fix the highlighted fields"
# Each check of normal mode as a question.
QUESTIONS = {
    "defensive": "Are all upstream processors complete for the date?",
    "freshness": "Are the sources present and fresh?",
    "completeness": f"From day {COMPLETENESS.first_day}: are all games of each player present?",
    "trigger": "Triggers Phase 5 for the complete date.",
}


@dataclass(frozen=True)
class LiveCheckRow:
    """A check of normal mode, and the reason why backfill mode skips it."""

    name: str
    question: str
    because: str


CHECKS = tuple(
    LiveCheckRow(kind.name, QUESTIONS[kind.name], kind.backfill_skips_it_because) for kind in KINDS
)


class LaunchDraft:
    """A form with its preview and its Start button, for one user."""

    def __init__(self, query: QueryDict, user: User) -> None:
        self.form, self.user = LaunchForm(query), user
        self.nothing = ""  # the reason for no preview

    @cached_property
    def shown(self) -> PlanView | None:
        """The preview; None with the reason in `nothing`."""
        if self.form.options is None:
            self.nothing = "Choose dates" if not self.form.errors else "Fix the errors in the form"
            return None
        try:
            return PlanView(self.form.options)
        except BackcourtError as error:
            self.nothing = str(error)
            return None

    @property
    def at(self) -> datetime | None:
        """Start time; None for now."""
        at: datetime | None = self.form.cleaned_data.get("at")
        return at

    @cached_property
    def approval(self) -> str:
        """Reason for an approval by a second operator; empty if none is required."""
        if self.shown is None or self.user.may_administer:
            return ""
        limit = settings.APPROVAL_THRESHOLD_DATES
        return approval_needed(self.shown.plan, self.user.username, self.at or now(), limit=limit)

    @property
    def button(self) -> str:
        """Label of the Start button."""
        if self.shown is None:
            return "Start backfill"
        if self.shown.preview.goes_on:
            return f"Resume {self.shown.preview.goes_on}"
        what = f"{self.shown.what}{f' at {self.at:%Y-%m-%d %H:%M}' if self.at else ''}"
        return f"Request approval for {what}" if self.approval else f"Start {what}"

    @property
    def disabled_reason(self) -> str:
        """Reason why the button is disabled; empty if it is enabled."""
        return next(self._obstacles(), "")

    def _obstacles(self) -> Iterator[str]:
        if not self.user.may_operate:
            yield f"{OPERATORS_ONLY}: you are logged in as a viewer"
        if self.shown is None:
            yield "no plan to start"
        elif not self.shown.plan.todo:
            yield _nothing_to_do(self.shown.options)
        if self.form.errors:
            yield f"fix {pluralize(len(self.form.errors), 'highlighted field')}"
        if self.shown:
            yield from map(str, self._stops(self.shown))
        if not self.form.cleaned_data.get("reason"):
            yield "enter a reason"

    def _stops(self, shown: PlanView) -> list[str]:
        stops = shown.report.stops(skip=shown.options.skip_preflight)
        if self.at is not None:  # the preflight runs again at that time
            return []
        if not stops:
            return []
        could = all(item.kind.can_be_overridden for item in stops)
        advice = "fix the blockers or skip the preflight" if could else stops[0].sentence
        return [f"blocked by the preflight; {advice}"]

    @property
    def sealed(self) -> str:
        """Signed plan of the preview, sent with the button."""
        return signed_plan.seal(self.shown.plan) if self.shown else ""

    @property
    def command(self) -> str:
        """Shell command that starts the same backfill."""
        if self.form.options is None:
            return ""
        at = f" --at '{self.at.astimezone(UTC):%Y-%m-%d %H:%M}'" if self.at else ""
        complete = self.shown.preview.to_confirm if self.shown else 0
        return command(self.form.options) + at + (f" --overwrites {complete}" if complete else "")

    def start(self, given: QueryDict) -> Job | Launch | None:
        """Start the previewed plan, or save it as a pending launch. Raises Refused, with an error
        at each field to fix.
        """
        if not self.form.cleaned_data.get("reason"):
            self.form.add_error("reason", NO_REASON)
        if self.form.errors or self.form.options is None:
            raise Refused(FIX_FIELDS)
        if not (previewed := given.get("previewed")):
            raise Refused("start a backfill from its preview")
        return launch_backfill(
            self.form.options,
            self.user.username,
            start_at=self.at,
            exempt=self.user.may_administer,
            previewed=previewed,
            computed=self.shown.preview if self.shown else None,
            confirm=partial(check_overwrites, number=given.get("overwrites")),
        )

    def save(self, given: QueryDict) -> Launch:
        """Save the form as a preset. Raises Refused."""
        if self.form.errors or self.form.options is None:
            raise Refused(f"preset not saved; {FIX_FIELDS}")
        replace = given.get("replace") == ON
        return save_preset(
            given.get("name") or "", self.form.options, self.user.username, replace=replace
        )


def _nothing_to_do(options: Options) -> str:
    if options.failed:
        return "no failed runs on these dates"
    return f"all runs are complete; select “{spec_of(FIELDS['force']).label}” to rerun them"


def posted(given: QueryDict) -> QueryDict:
    """Return the posted form: all its fields, or, without JavaScript, its preview's address."""
    return given if "start" in given else QueryDict(given.get("state"))


def kept_text(made: Launch | None) -> str:
    """Return the message for a start that created no job."""
    if made is None:
        return NOTHING_TO_DO
    waits = [f"for {made.start_at:%Y-%m-%d %H:%M}"] if made.start_at else []
    waits += [f"for approval: {made.needs_approval}"] if made.needs_approval else []
    return f"{made} waits {' and '.join(waits)}"
