"""Selection of the failures that a retry reruns."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django import forms
from django.http import QueryDict

from backfill.errors import Refused
from backfill.jobs.retry import default_reason
from backfill.jobs.retry_selection import Selection, parse_weeks
from backfill.models import Job
from backfill.plan.cells import format_cells, parse_cells
from backfill.processors.registry import PROCESSORS
from backfill.status import season_failures
from validation.categories import BY_NAME, DATE_LEVEL
from validation.findings.kinds import pluralize
from validation.retry import BLOCKED, CANCELLED, LOST
from webapp.ui.form_fields import iso_date
from webapp.ui.query_params import MAX_REASON, reversed_dates

MEANINGS = {
    DATE_LEVEL: "the whole date failed",
    BLOCKED: "an upstream run failed",
    CANCELLED: "cancelled before it was complete",
    LOST: "was complete; its files are gone",
}
SHOWN = 100


def _text(**more: str) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "form-control", **more})


def _check() -> forms.CheckboxInput:
    return forms.CheckboxInput({"class": "form-check-input"})


class RetryForm(forms.Form):
    """Selection of a job's failures. An empty field selects all."""

    processor = forms.MultipleChoiceField(
        required=False,
        label="Processors",
        help_text="none selected: all",
        widget=forms.CheckboxSelectMultiple({"class": "form-check-input"}),
    )
    category = forms.MultipleChoiceField(
        required=False,
        label="Categories",
        help_text="none selected: all",
        widget=forms.CheckboxSelectMultiple({"class": "form-check-input"}),
    )
    group = forms.CharField(
        required=False,
        max_length=400,
        label="Error group",
        widget=_text(placeholder="7c8f2e9f"),
        help_text="8 hex digits, listed under Error groups",
    )
    week = forms.CharField(
        required=False, max_length=5, label="Season week", widget=_text(placeholder="5 or 5-8")
    )
    cells = forms.CharField(required=False, max_length=200_000, widget=forms.HiddenInput)
    start, end = iso_date("First date"), iso_date("Last date")
    include_expected = forms.BooleanField(
        required=False,
        label="Expected failures",
        help_text="too few games; a retry does not fix them",
        widget=_check(),
    )
    override = forms.BooleanField(
        required=False,
        label="Bugs",
        help_text="need a fix first; require a reason",
        widget=_check(),
    )
    reason = forms.CharField(
        required=False,
        max_length=MAX_REASON,
        label="Reason",
        widget=_text(),
        help_text="stored with the job and its events",
    )

    data: QueryDict

    def __init__(self, data: QueryDict, job: Job) -> None:
        super().__init__(data)
        whats = season_failures.describe_failures(job)
        asked = dict.fromkeys(data.getlist("category"), 0)
        fields: Any = self.fields
        for name in ("start", "end"):
            fields[name].widget.attrs["class"] = "form-control"
        fields["processor"].choices = [
            (code, f"{code}: {PROCESSORS[code].label}") for code in job.parsed_options.processors
        ]
        fields["reason"].widget.attrs |= (
            {"required": True} if "override" in data else {"placeholder": default_reason(job)}
        )
        fields["category"].choices = [
            (what, _what(what, n)) for what, n in {**asked, **whats}.items()
        ]

    def clean_week(self) -> tuple[int, ...]:
        """Return the season weeks; none for an empty field."""
        try:
            return tuple(parse_weeks(text)) if (text := self.cleaned_data["week"]) else ()
        except Refused as refused:
            raise forms.ValidationError(str(refused)) from None

    def clean(self) -> dict[str, Any]:
        """Add the error of a reversed range to its end."""
        cleaned = self.cleaned_data
        if error := reversed_dates(cleaned.get("start"), cleaned.get("end")):
            self.add_error("end", error)
        return cleaned

    @property
    def groups(self) -> list[str]:
        """IDs of the selected error groups."""
        return [name for name in self.data.get("group", "").replace(",", " ").split() if name]

    @property
    def cells_text(self) -> str:
        """Cells of the selection as readable text; empty for all, or if they are not readable."""
        with suppress(Refused):
            return format_cells(parse_cells(self.data.get("cells", "")))
        return ""

    @property
    def given(self) -> list[tuple[str, str]]:
        """The selection as sent, to be sent again with its plan."""
        names = self.fields.keys() - {"reason"}
        return [
            (name, value)
            for name, values in self.data.lists()
            if name in names
            for value in values
            if value
        ]

    def selection(self) -> Selection:
        """Return the selection. Raises Refused with the first error."""
        if not self.is_valid():
            raise Refused(next(str(error) for errors in self.errors.values() for error in errors))
        given = self.cleaned_data
        return Selection(
            processors=tuple(given["processor"]),
            categories=tuple(given["category"]),
            groups=tuple(self.groups),
            weeks=given["week"],
            cells=given["cells"],
            **{name: given[name] for name in ("start", "end", "include_expected", "override")},
        )


def _what(name: str, dates: int) -> str:
    meaning = BY_NAME[name].meaning if name in BY_NAME else MEANINGS.get(name, "failed runs")
    return f"{name}: {meaning}" + (f", {pluralize(dates, 'run')}" if dates else "")
