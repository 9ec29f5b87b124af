"""The kinds of fields in the form of a new backfill."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString

ON, OFF = "on", "off"
ISO = "%Y-%m-%d"
NOT_A_DATE = "this is not a date; write it as 2021-11-22"


class IsoDateField(forms.DateField):
    """A date as ISO 8601 has it and nothing like it: 2021-11-2 may be the 2nd, or a 20th that is
    being typed.
    """

    def strptime(self, value: str, format: str) -> date:
        """The date of a text. Raises ValueError."""
        if len(value) != len("2021-11-22"):
            raise ValueError(value)
        return date.fromisoformat(value)


class SwitchField(forms.CheckboxInput):
    """A checkbox that says no too: one that is not ticked would be missing from a query string."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The box, after the value for when it is not ticked."""
        return format_html(
            '<input type="hidden" name="{}" value="off">{}',
            name,
            super().render(name, value, attrs, renderer),
        )

    def value_from_datadict(self, data: Any, files: Any, name: str) -> bool:
        """The last value of the two."""
        return bool(data.get(name) == ON)


def number(label: str, hint: str, most: int) -> forms.IntegerField:
    """A whole number up to `most`; empty is auto."""
    widget = forms.NumberInput(
        {"min": 0, "max": most, "inputmode": "numeric", "placeholder": "auto"}
    )
    messages = {"invalid": "write a whole number"}
    return forms.IntegerField(
        label=label, help_text=hint, required=False, widget=widget, error_messages=messages
    )


def iso_date(label: str) -> IsoDateField:
    """A date that may be left out."""
    # Plain text: a browser's own date field shows and takes dates as its country writes them.
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
    """Dates and ranges, as people write them."""
    widget = forms.Textarea(
        {"rows": 2, "placeholder": example, "spellcheck": "false", "class": "mono"}
    )
    return forms.CharField(label=label, required=False, widget=widget)


def switch(label: str, hint: str) -> forms.BooleanField:
    """Yes or no, with what it means."""
    return forms.BooleanField(label=label, help_text=hint, required=False, widget=SwitchField)
