"""Form of New backfill: converts its fields to Options and adds each error to its field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.http import QueryDict
from django.utils.timezone import now

from backfill.errors import InvalidOption, Refused
from backfill.jobs.launches import passed_text
from backfill.plan.cells import format_cells, parse_cells
from backfill.plan.date_lists import parse_dates, without
from backfill.plan.option_fields import spec_of
from backfill.plan.options import FIELDS, Options, chosen
from backfill.processors.registry import PROCESSORS
from webapp.pages.new_backfill.link import (
    CELLS,
    DATES,
    LIST,
    NUMBERS,
    OWN,
    POLICIES,
    RANGE,
    SWITCHES,
    address,
    is_long,
    typed,
)
from webapp.ui.form_fields import ISO, ON, option_field, text_list

T = TypeVar("T")
ANY_DAY = date(2021, 11, 22)
NO_REASON = "enter a reason; it is stored with the job"


def _policy_label(name: str) -> str:
    return next((spec_of(FIELDS[flag]).label for flag in POLICIES[name]), "Incomplete runs")


if TYPE_CHECKING:
    OptionsForm = forms.Form
else:
    OptionsForm = type(forms.Form)(
        "OptionsForm", (forms.Form,), {name: option_field(name) for name in OWN}
    )


class LaunchForm(OptionsForm):
    """A backfill to start. `options` is None while the dates are missing or wrong.

    A field with an error counts as empty, so that there is a preview of the other fields; a form
    with errors never starts.
    """

    use_required_attribute = False

    of_finding = forms.CharField(required=False, widget=forms.HiddenInput)  # source of a proposal
    by = forms.ChoiceField(
        label="Dates by",
        choices=[(RANGE, "Range"), (LIST, "List"), (CELLS, "Cells")],
        widget=forms.RadioSelect,
    )
    cells = text_list("Cells", "PSZA,PDC 2021-11-01..2021-11-05; ML 2021-11-03")
    exclude = text_list("Excluded dates", "2021-11-25")
    what = forms.ChoiceField(
        label="Runs",
        widget=forms.RadioSelect,
        choices=[(name, _policy_label(name)) for name in POLICIES],
    )
    at = forms.DateTimeField(
        label="Start at", required=False, input_formats=[f"{ISO} %H:%M", f"{ISO}T%H:%M"],
        help_text="Empty: now. The plan is computed again at this time.",
        widget=forms.DateTimeInput({"placeholder": "2021-11-22 10:30"}),
        error_messages={"invalid": "enter a time as YYYY-MM-DD HH:MM"},
    )  # fmt: skip

    def __init__(self, query: QueryDict) -> None:
        self.typed = typed(query)
        codes = [code for code in self.typed["processors"].split(",") if code]
        super().__init__({**self.typed, "processors": codes}, auto_id="new-%s")
        self.fields["processors"].widget.choices = [(p.code, p) for p in PROCESSORS.values()]
        self.options: Options | None = None
        for name, field in self.fields.items():
            if not field.widget.is_hidden:
                field.widget.attrs |= _attributes(name, field)
        self.full_clean()

    @property
    def query(self) -> str:
        """Return the fields that differ from the defaults as a query string."""
        return address(self.typed)

    @property
    def is_long(self) -> bool:
        """Return True if the query string exceeds every address."""
        return is_long(self.query)

    @property
    def numbers(self) -> list[forms.BoundField]:
        """Return the fields of whole numbers."""
        return [self[name] for name in NUMBERS]

    @property
    def switches(self) -> list[tuple[forms.BoundField, str]]:
        """Return each switch with a note; the one for normal mode is listed with the modes."""
        notes = {"brake": self.pause_note}
        return [(self[name], notes.get(name, "")) for name in SWITCHES if name != "skip_trigger"]

    @property
    def pause_note(self) -> str:
        """Explain why a finding's proposal turned pause on error off; empty otherwise."""
        if self.typed["brake"] == ON or not self.typed["of_finding"]:
            return ""
        return "Off, like the canary: these dates have a known bug, listed as a separate finding."

    def clean(self) -> dict[str, Any]:
        """Build `options` from the valid fields."""
        cleaned = self.cleaned_data
        values = self._valid_values()
        if cleaned.get("by") == CELLS:
            values.pop("processors", None)
            cells = self._try("cells", self._cells)
            self.options = (
                self._try("cells", lambda: Options.of_cells(cells, **values)) if cells else None
            )
        else:
            days = self._days()
            self.options = (
                self._try(self._place, lambda: Options.of_dates(days, **values)) if days else None
            )
        if (at := cleaned.get("at")) and at <= now():
            self.add_error("at", passed_text(at))
        return cleaned

    def _valid_values(self) -> dict[str, Any]:
        """Return the options other than the dates; each refused one is left out with its error."""
        cleaned = self.cleaned_data
        values = {name: value for name in OWN if (value := cleaned.get(name)) is not None}
        values = {name: value for name, value in values.items() if name not in (*DATES, CELLS)}
        values |= POLICIES[cleaned.get("what", "missing")]
        values["processors"] = self._try("processors", self._processors)
        if values["processors"] is None:
            del values["processors"]
        while True:
            try:
                Options(start=ANY_DAY, end=ANY_DAY, **values)
            except InvalidOption as refused:
                self.add_error(refused.field, str(refused))
                del values[refused.field]
            else:
                return values

    def _processors(self) -> tuple[str, ...]:
        """Return the ticked processors, none for an empty field. Raises Refused."""
        return chosen(codes) if (codes := self.cleaned_data.get("processors")) else ()

    @property
    def _place(self) -> str:
        """Name the field of errors in the dates."""
        return "dates" if self.cleaned_data.get("by") == LIST else "end"

    def _days(self) -> tuple[date, ...]:
        """Return the dates less the excluded ones; none while a field of them is empty or wrong."""
        days = self._try(self._place, self._included) or ()
        if not days or not (text := self.cleaned_data.get("exclude")):
            return days
        return self._try("exclude", lambda: without(days, parse_dates(text))) or ()

    def _included(self) -> tuple[date, ...]:
        cleaned = self.cleaned_data
        if cleaned.get("by") == LIST:
            return parse_dates(cleaned["dates"])
        if (start := cleaned.get("start")) and (end := cleaned.get("end")):
            return tuple(Options(start=start, end=end).days)
        return ()

    def _cells(self) -> str:
        """Return the cells less those on excluded dates. Raises Refused."""
        cells = parse_cells(self.cleaned_data.get("cells", ""))
        if not cells or not (text := self.cleaned_data.get("exclude")):
            return format_cells(cells)
        left = without({day for _, day in cells}, parse_dates(text))
        return format_cells([cell for cell in cells if cell[1] in left])

    def _try(self, name: str, make: Callable[[], T]) -> T | None:
        """Return the result, or None with the refusal as the error of the field `name`."""
        try:
            return make()
        except Refused as refused:
            self.add_error(name, str(refused))
        return None


def _attributes(name: str, field: forms.Field) -> dict[str, str]:
    # The error's element is always on the page and replaced by the preview, the input is not:
    # so it names both of its texts itself.
    texts = ["helptext", "error"] if field.help_text else ["error"]
    described_by = " ".join(f"new-{name}_{text}" for text in texts)
    return {"class": _look(field.widget), "aria-describedby": described_by}


def _look(widget: forms.Widget) -> str:
    own = widget.attrs.get("class", "")
    if isinstance(widget, (forms.CheckboxInput, forms.RadioSelect, forms.CheckboxSelectMultiple)):
        return f"form-check-input {own}".strip()
    return f"form-control {own}".strip()
