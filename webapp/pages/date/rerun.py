"""Running one processor for one date again: what is replaced, what comes after it, and the start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from django import forms

from backfill.errors import Conflict, PlanChanged, Refused
from backfill.jobs.start import Preview, preview_job, start_job
from backfill.models import Job
from backfill.plan import signed_plan
from backfill.plan.options import Options
from backfill.plan.planning import PlannedAction, PlannedRun
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.season_calendar import load_calendar
from backfill.status.season_grid import RunCell
from validation.findings.kinds import pluralize
from webapp.pages.date.chain import chain
from webapp.ui import links
from webapp.ui.query_params import MAX_REASON

AFTER = "after"
NO_REASON = "say why: it is stored with the job"


class RunForm(forms.Form):
    """Why it runs again."""

    reason = forms.CharField(
        label="Reason", max_length=MAX_REASON, error_messages={"required": NO_REASON},
        widget=forms.TextInput({"class": "form-control", "autocomplete": "off"}),
        help_text="Stored with the job and in its events.",
    )  # fmt: skip


@dataclass(frozen=True)
class RerunEffect:
    """What becomes of one (processor, date)."""

    code: str
    state: str
    words: str


@dataclass(frozen=True)
class Rerun:
    """One processor of a date by itself, or with what reads it."""

    day: date
    code: str
    after: bool = False

    @property
    def reads_it(self) -> tuple[str, ...]:
        """The processors that read its output."""
        return tuple(code for code in CHAIN if self.code in PROCESSORS[code].after)

    @property
    def codes(self) -> tuple[str, ...]:
        """What runs."""
        return (self.code, *self.reads_it) if self.after else (self.code,)

    def options(self, reason: str = "") -> Options:
        """The options of the backfill that it is. Raises Refused."""
        return Options(self.day, self.day, processors=self.codes, force=True, reason=reason)

    @cached_property
    def preview(self) -> Preview:
        """What would run. Raises Refused, WarehouseError."""
        return preview_job(self.options())

    @cached_property
    def seal(self) -> str:
        """What was seen, to be sent back with the form."""
        return signed_plan.seal(self.preview.plan)

    @cached_property
    def cells(self) -> dict[str, RunCell]:
        """What stands there now."""
        return {card.code: card.cell for card in chain(load_calendar().day(self.day))}

    @property
    def effects(self) -> Iterator[RerunEffect]:
        """What is replaced, run by run."""
        for run in self.preview.plan.runs:
            yield RerunEffect(run.processor, _sign(run), _replaced(run, self.cells[run.processor]))

    @property
    def left_behind(self) -> tuple[str, ...]:
        """What reads it, is there, and does not run with it."""
        return (
            ()
            if self.after
            else tuple(code for code in self.reads_it if self.cells[code].rows is not None)
        )

    @property
    def why_not(self) -> str:
        """Why it cannot start now; empty when it can."""
        return "; ".join(map(str, self.preview.report.stops(skip=False)))

    @property
    def other_way(self) -> str:
        """The form of a backfill in which what stops it can be overridden."""
        return links.to_new(self.day, self.day, self.codes, "everything")

    def start(self, actor: str, reason: str, seen: str) -> Job:
        """Start what was seen. Raises PlanChanged when it is something else by now, and as
        `control.start` does.
        """
        options = self.options(reason)
        found = preview_job(options)
        if changes := signed_plan.drift(seen, found.plan):
            raise PlanChanged(
                f"it has changed since you looked: {'; '.join(map(str, changes[:3]))}; look again, and start that"
            )
        job = start_job(options, actor, previewed=signed_plan.seal(found.plan), computed=found)
        if job is None:
            raise Conflict("there is nothing left to run for this date; look again")
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
    """What is there that a run writes over."""
    if run.action is PlannedAction.SKIP:
        return f"recorded as skipped: {run.reason}"
    if cell.rows is None:
        return "nothing is there that it would replace"
    made = f" of run {cell.run_id}, job {cell.job}" if cell.run_id else ""
    return f"replaces {pluralize(cell.rows, 'row')} and {pluralize(cell.failed, 'failure')}{made}"


def context(asked: Rerun, form: RunForm, refused: str = "") -> dict[str, Any]:
    """What is shown before it is done; or the sentence why there is nothing to do."""
    try:
        found: dict[str, Any] = {
            "effects": list(asked.effects),
            "why_not": asked.why_not,
            "seal": asked.seal,
        }
    except Refused as error:
        found = {"why_not": str(error)}
    return {
        "asked": asked,
        "day": asked.day,
        "form": form,
        "refused": refused,
        "processor": PROCESSORS[asked.code],
        **found,
    }
