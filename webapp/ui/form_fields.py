"""Form fields for dates, numbers and switches, and for the options of a backfill."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString

from backfill.plan.date_lists import format_dates
from backfill.plan.option_fields import default_of, spec_of
from backfill.plan.options import FIELDS, TYPES
from webapp.ui.query_params import MAX_REASON

ON, OFF = "on", "off"
ISO = "%Y-%m-%d"
# Text, because a browser's date picker shows and takes dates in the format of its locale.
ISO_INPUT = {
    "class": "form-control",
    "placeholder": "YYYY-MM-DD",
    "inputmode": "numeric",
    "maxlength": 10,
    "size": 10,
}
NOT_A_DATE = "enter a date as YYYY-MM-DD"


class IsoDateField(forms.DateField):
    """A date as YYYY-MM-DD only: 2021-11-2 may be the 2nd, or a 20th that is being typed."""

    def strptime(self, value: str, format: str) -> date:
        """Parse an ISO date. Raises ValueError, or ValidationError for a date that does not exist."""
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError(value)
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise forms.ValidationError(f"{value} is not a date") from None


class SwitchField(forms.CheckboxInput):
    """A checkbox that also sends "off": an unticked one would be missing from a query string."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Render the box after a hidden input with its unticked value."""
        return format_html(
            '<input type="hidden" name="{}" value="off">{}',
            name,
            super().render(name, value, attrs, renderer),
        )

    def value_from_datadict(self, data: Any, files: Any, name: str) -> bool:
        """Return the last of the two values."""
        return bool(data.get(name) == ON)


def option_field(name: str) -> forms.Field:
    """Return the form field of a backfill option: its kind follows from the option's type, its
    label, help, choices and bounds from the metadata.

    Limits are checked by Options, so that form, shell and API refuse with the same sentence.
    """
    spec, kind = spec_of(FIELDS[name]), TYPES[name]
    given: dict[str, Any] = {"label": spec.label, "required": False}
    if kind is date:
        return iso_date(spec.label)
    if kind == tuple[date, ...]:
        return text_list(spec.label, "2021-11-01..2021-11-05, 2021-11-09")
    if kind == tuple[str, ...]:
        return forms.Field(**given, widget=forms.CheckboxSelectMultiple)
    if spec.choices:
        choices = [(choice, choice) for choice in spec.choices]
        return forms.ChoiceField(
            label=spec.label, help_text=spec.description, choices=choices, widget=forms.RadioSelect
        )
    if kind is bool:
        return forms.BooleanField(**given, help_text=spec.description, widget=SwitchField)
    if kind is int:
        return number(spec.label, spec.description, spec.most)
    area = forms.Textarea({"rows": 2})
    return forms.CharField(
        **given, help_text=spec.description, strip=True, max_length=MAX_REASON, widget=area
    )


def option_text(name: str, value: Any) -> str:
    """Return an option's value as the form and its link write it; automatic numbers are empty."""
    kind = TYPES[name]
    if kind is bool:
        return ON if value else OFF
    if kind == tuple[date, ...]:
        return format_dates(value)
    if kind == tuple[str, ...]:
        return ",".join(value)
    if kind is int and not value and not default_of(FIELDS[name]):
        return ""
    return str(value)


def number(label: str, hint: str, most: int | None) -> forms.IntegerField:
    """Return a field for a whole number up to `most`; empty is automatic."""
    widget = forms.NumberInput(
        {"min": 0, "max": most, "inputmode": "numeric", "placeholder": "auto"}
    )
    messages = {"invalid": "write a whole number"}
    return forms.IntegerField(
        label=label, help_text=hint, required=False, widget=widget, error_messages=messages
    )


def iso_date(label: str) -> IsoDateField:
    """Return a field for an optional date."""
    widget = forms.DateInput(
        {"placeholder": "2021-11-22", "inputmode": "numeric", "maxlength": 10}, ISO
    )
    return IsoDateField(
        label=label,
        required=False,
        widget=widget,
        input_formats=[ISO],
        error_messages={"invalid": NOT_A_DATE},
    )


def text_list(label: str, example: str) -> forms.CharField:
    """Return a field for dates and ranges as text."""
    widget = forms.Textarea(
        {"rows": 2, "placeholder": example, "spellcheck": "false", "class": "mono"}
    )
    return forms.CharField(label=label, required=False, widget=widget)
