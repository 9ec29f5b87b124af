"""Form of the Load page: the input, and the tables and dates to replace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django import forms
from django.http import QueryDict
from django.urls import reverse

from backfill.errors import Refused
from backfill.ingest.selection import LoadSelection
from backfill.warehouse.tables import INPUTS
from webapp.load_access import allowed_folder, allowed_folders
from webapp.pages.load import uploads
from webapp.ui.form_fields import ISO_INPUT, NOT_A_DATE, IsoDateField
from webapp.ui.links import with_query
from webapp.ui.query_params import reversed_dates

UPLOAD = "upload:"


@dataclass(frozen=True, kw_only=True)
class LoadRequest:
    """Input and part of it that a user selected. `source` is an upload or a folder, as text."""

    source: str
    path: Path
    selection: LoadSelection

    @classmethod
    def of(cls, given: QueryDict) -> LoadRequest:
        """Read the values of a link or of a form. Raises Refused."""
        source = given.get("source", "")
        form = LoadForm({"tables": [n for n in given.get("tables", "").split(",") if n],
                         "start": given.get("start"), "end": given.get("end"),
                         "rows": given.get("rows", "")})  # fmt: skip
        if not form.is_valid():
            raise Refused(next(str(e) for errors in form.errors.values() for e in errors))
        return cls(source=source, path=_path(source), selection=form.selection)

    @property
    def token(self) -> str:
        """Token of the upload, empty for a folder."""
        return self.source.removeprefix(UPLOAD) if self.source.startswith(UPLOAD) else ""

    @property
    def name(self) -> str:
        """Name of the input for people."""
        if not self.token:
            return self.source
        return ", ".join(sorted(file.name for file in self.path.iterdir()))

    @property
    def fields(self) -> dict[str, str]:
        """Values of the form that loads this request."""
        return {
            "source": self.source,
            "tables": ",".join(table.short for table in self.selection.tables),
            "start": str(self.selection.start or ""),
            "end": str(self.selection.end or ""),
            "rows": "on" if self.selection.rows else "",
        }


class LoadForm(forms.Form):
    """Form of the Load page. The files are read from the request, because there can be several."""

    use_required_attribute = False

    folder = forms.ChoiceField(
        label="Folder on the server", required=False,
        widget=forms.Select({"class": "form-select"}),
        error_messages={"invalid_choice": "select one of the folders of LOAD_FOLDERS"},
    )  # fmt: skip
    tables = forms.MultipleChoiceField(
        label="Tables", required=False, widget=forms.CheckboxSelectMultiple({"class": "form-check-input"}),
        help_text="none selected: all tables",
    )  # fmt: skip
    start = IsoDateField(
        label="First date", required=False, widget=forms.TextInput(ISO_INPUT),
        error_messages={"invalid": NOT_A_DATE}, help_text="empty: whole seasons",
    )  # fmt: skip
    end = IsoDateField(
        label="Last date", required=False, widget=forms.TextInput(ISO_INPUT),
        error_messages={"invalid": NOT_A_DATE}, help_text="empty: the first date only",
    )  # fmt: skip

    rows = forms.BooleanField(
        label="Only the rows in the file", required=False,
        widget=forms.CheckboxInput({"class": "form-check-input"}),
        help_text="replaces the rows with the same key; needs the tables, and no dates",
    )  # fmt: skip

    def __init__(
        self, data: Mapping[str, Any] | None = None, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=initial)
        self.fields["tables"].choices = [  # type: ignore[attr-defined]
            (table.short, f"{table.short} {table.name}") for table in INPUTS
        ]
        self.fields["folder"].choices = [  # type: ignore[attr-defined]
            ("", "–"),
            *((str(path), str(path)) for path in allowed_folders()),
        ]

    def clean(self) -> dict[str, Any]:
        """Refuse an end without a start, or before it."""
        cleaned = super().clean() or {}
        start, end = cleaned.get("start"), cleaned.get("end")
        if end and not start and "start" not in self.errors:
            self.add_error("start", "enter the first date too")
        elif error := reversed_dates(start, end):
            self.add_error("end", error)
        if cleaned.get("rows") and start:
            self.add_error("rows", "clear the dates: each row has its own")
        elif cleaned.get("rows") and not cleaned.get("tables"):
            self.add_error("rows", "select the tables of the file")
        return cleaned

    @property
    def selection(self) -> LoadSelection:
        """Selection of a valid form."""
        names: list[str] = self.cleaned_data["tables"]
        start: date | None = self.cleaned_data["start"]
        rows: bool = self.cleaned_data["rows"]
        return LoadSelection.of(",".join(names), start, self.cleaned_data["end"], rows=rows)


def preview_url(form: LoadForm, source: str) -> str:
    """Return the URL of the preview of a valid form."""
    start, end = form.cleaned_data["start"], form.cleaned_data["end"]
    tables = ",".join(form.cleaned_data["tables"])
    return with_query(
        reverse("load_preview"),
        source=source,
        tables=tables,
        start=start,
        end=end,
        rows="on" if form.cleaned_data["rows"] else "",
    )


def _path(source: str) -> Path:
    if source.startswith(UPLOAD):
        return uploads.folder_of(source.removeprefix(UPLOAD))
    return allowed_folder(source)
