"""Rerun of one processor on one date, with or without its downstream processors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from typing import Any

from django import forms

from backfill.errors import Conflict, PlanChanged, Refused
from backfill.jobs.confirmation import check_overwrites
from backfill.jobs.start import Preview, preview_job, start_job
from backfill.models import Job
from backfill.plan import signed_plan
from backfill.plan.options import Options
from backfill.plan.planning import PlannedAction, PlannedRun
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.season_calendar import load_calendar
from backfill.status.season_grid import RunCell
from validation.findings.kinds import pluralize
from webapp.pages.date.chain import ProcessorCard, chain
from webapp.ui import links
from webapp.ui.query_params import MAX_REASON

AFTER = "after"
NO_REASON = "enter a reason; it is stored with the job"


class RunForm(forms.Form):
    reason = forms.CharField(
        label="Reason", max_length=MAX_REASON, error_messages={"required": NO_REASON},
        widget=forms.TextInput({"class": "form-control", "autocomplete": "off"}),
        help_text="Stored with the job and its events.",
    )  # fmt: skip


@dataclass(frozen=True)
class RerunEffect:
    """Effect on one (processor, date): plan state and the overwritten rows."""

    code: str
    state: str
    detail: str


@dataclass(frozen=True)
class Rerun:
    """Processor to rerun on a date; `after` adds its downstream processors."""

    day: date
    code: str
    after: bool = False

    @property
    def downstream(self) -> tuple[str, ...]:
        """Return the processors that read its output."""
        return tuple(code for code in CHAIN if self.code in PROCESSORS[code].after)

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the processors of this rerun."""
        return (self.code, *self.downstream) if self.after else (self.code,)

    @property
    def verb(self) -> str:
        """Return the verb of the button: `Rerun` over existing output."""
        return next(card.verb for card in self._cards if card.code == self.code)

    def options(self, reason: str = "") -> Options:
        """Return the options of the equivalent backfill. Raises Refused."""
        return Options(
            start=self.day, end=self.day, processors=self.codes, force=True, reason=reason
        )

    @cached_property
    def preview(self) -> Preview:
        """Return the plan and its preflight. Raises Refused, WarehouseError."""
        return preview_job(self.options())

    @cached_property
    def seal(self) -> str:
        """Return the signed plan that the form sends back."""
        return signed_plan.seal(self.preview.plan)

    @cached_property
    def _cards(self) -> list[ProcessorCard]:
        return chain(load_calendar().day(self.day))

    @cached_property
    def cells(self) -> dict[str, RunCell]:
        """Return the current state of each processor on the date."""
        return {card.code: card.cell for card in self._cards}

    @property
    def effects(self) -> Iterator[RerunEffect]:
        """Yield the effect on each run of the plan."""
        for run in self.preview.plan.runs:
            yield RerunEffect(run.processor, _sign(run), _replaced(run, self.cells[run.processor]))

    @property
    def stale_after(self) -> tuple[str, ...]:
        """Return the processors with output that becomes stale."""
        return (
            ()
            if self.after
            else tuple(code for code in self.downstream if self.cells[code].rows is not None)
        )

    @property
    def disabled_reason(self) -> str:
        """Return the reason that the start is refused; empty if it is allowed."""
        return "; ".join(map(str, self.preview.report.stops(skip=False)))

    @property
    def backfill_url(self) -> str:
        """Return the URL of the backfill form, where blockers can be overridden."""
        return links.to_new(self.day, self.day, self.codes, "everything")

    def start(self, actor: str, reason: str, seen: str, overwrites: str | None) -> Job:
        """Start the plan of the seal `seen`, which overwrites this number of complete runs. Raises
        PlanChanged if the plan differs by now, and the errors of `start_job`.
        """
        options = self.options(reason)
        preview = preview_job(options)
        if changes := signed_plan.drift(seen, preview.plan):
            raise PlanChanged(
                f"the plan changed: {'; '.join(map(str, changes[:3]))}; review it and start again"
            )
        job = start_job(
            options,
            actor,
            previewed=signed_plan.seal(preview.plan),
            computed=preview,
            confirm=partial(check_overwrites, number=overwrites),
        )
        if job is None:
            raise Conflict("nothing is left to run for this date; reload the page")
        return job


def _sign(run: PlannedRun) -> str:
    return (
        "will be replaced"
        if run.overwrites
        else "skipped"
        if run.action is PlannedAction.SKIP
        else "will run"
    )


def _replaced(run: PlannedRun, cell: RunCell) -> str:
    """Return the output that a run overwrites, as text."""
    if run.action is PlannedAction.SKIP:
        return f"skipped: {run.reason}"
    if cell.rows is None:
        return "no existing output"
    source = f" of run {cell.run_id}, job {cell.job}" if cell.run_id else ""
    return f"replaces {pluralize(cell.rows, 'row')} and {pluralize(cell.failed, 'failure')}{source}"


def context(rerun: Rerun, form: RunForm) -> dict[str, Any]:
    """Return the template context: effects and seal, or the reason that nothing can start."""
    try:
        plan: dict[str, Any] = {
            "effects": list(rerun.effects),
            "disabled_reason": rerun.disabled_reason,
            "seal": rerun.seal,
        }
    except Refused as error:
        plan = {"disabled_reason": str(error)}
    return {
        "rerun": rerun,
        "day": rerun.day,
        "form": form,
        "processor": PROCESSORS[rerun.code],
        **plan,
    }
