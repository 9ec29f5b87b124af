"""Filtered list of findings, grouped by kind, each with a strip of its dates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django import forms
from django.core.paginator import Page
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from backfill.audit.season_summary import SeasonSummary
from backfill.models import AuditResult, Finding
from backfill.models.finding import folded
from backfill.processors.registry import CHAIN
from backfill.season_calendar import season_name
from backfill.status.attention import AUDIT_DUE_WITHIN
from validation.findings import kind_labels
from validation.findings.kinds import BY_NAME, KINDS, Severity
from webapp.ui import query_params
from webapp.ui.date_strip import strip
from webapp.ui.form_fields import ISO, ISO_INPUT, NOT_A_DATE
from webapp.ui.states import of
from webapp.ui.tables import paginate

SEARCH = {
    "class": "form-control",
    "type": "search",
    "data-search": "",
    "placeholder": "finding or reason",
}
LISTED, ALL = "listed", "all"
MARKS = {
    Finding.State.ACKNOWLEDGED: "Acknowledge",
    Finding.State.EXPECTED: "Mark as expected",
    Finding.State.FIXED: "Mark as fixed",
    Finding.State.OPEN: "Reopen",
}
MEANINGS = {
    Finding.State.ACKNOWLEDGED: "in progress; stays on the list",
    Finding.State.EXPECTED: "correct; hidden until found on more dates",
    Finding.State.FIXED: "fixed; reopens if a newer run still has it",
    Finding.State.OPEN: "needs attention",
}


def _processors() -> list[tuple[str, str]]:
    return [("", "Any"), *((code, code) for code in CHAIN)]


def _select(
    choices: Iterable[tuple[str, str]] | Callable[[], list[tuple[str, str]]], label: str
) -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    given = choices if callable(choices) else list(choices)
    return forms.ChoiceField(choices=given, required=False, label=label, widget=widget)


def day_field(label: str) -> forms.DateField:
    widget = forms.DateInput(ISO_INPUT, ISO)
    errors = {"invalid": NOT_A_DATE}
    return forms.DateField(required=False, label=label, widget=widget, error_messages=errors)


class FindingFilters(forms.Form):
    """Filters of the list. An invalid filter has an error next to its field and is ignored."""

    q = forms.CharField(
        required=False, label="Text", max_length=200, widget=forms.TextInput(attrs=SEARCH)
    )
    state = _select(
        ((LISTED, "Open or acknowledged"), *Finding.State.choices, (ALL, "Any")), "State"
    )
    severity = _select(
        (("", "Any"), *((str(s), capfirst(of(str(s)).word)) for s in reversed(Severity))),
        "Severity",
    )
    kind = _select(
        (("", "Any"), *((k.name, capfirst(kind_labels.label(k.name))) for k in KINDS)), "Kind"
    )
    processor = _select(_processors, "Processor")
    season = forms.IntegerField(
        required=False, label="Season", widget=forms.Select(attrs={"class": "form-select"})
    )
    start, end = day_field("From"), day_field("To")
    notes = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any], seasons: Iterable[int]) -> None:
        super().__init__(data, auto_id="filter_%s")
        widget: Any = self.fields["season"].widget
        widget.choices = [("", "Any"), *((year, season_name(year)) for year in seasons)]

    def clean(self) -> dict[str, Any]:
        """Check the order of the dates."""
        cleaned = self.cleaned_data
        if error := query_params.reversed_dates(cleaned.get("start"), cleaned.get("end")):
            self.add_error("end", error)
            cleaned.pop("start")
        return cleaned

    @property
    def refused(self) -> str:
        """Return the first error as a sentence; empty without errors."""
        return next((f"{name}: {errors[0]}" for name, errors in self.errors.items()), "")

    @property
    def active(self) -> dict[str, Any]:
        """Return the valid, non-empty filters."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}

    @property
    def is_narrowed(self) -> bool:
        """Return whether the filters hide listed findings."""
        return bool(
            self.active.keys()
            - {"notes"}
            - ({"state"} if self.active.get("state") == LISTED else set())
        )

    @property
    def shows_notes(self) -> bool:
        """Return whether informational findings are included; they are hidden by default."""
        return bool(self.active.get("notes")) or self.active.get("severity") == str(Severity.NOTE)

    def findings(self) -> list[Finding]:
        """Return the matching findings, worst first, without their evidence."""
        active = self.active
        matching = Finding.objects.about(active.get("start"), active.get("end")).defer(
            "query", "numbers"
        )
        for name, narrow in NARROW.items():
            if name in active:
                matching = matching.filter(narrow(active[name]))
        code = active.get("processor")
        listed = _in_state(matching, active.get("state", LISTED)).order_by(
            "-severity", "rank", "first", "pk"
        )
        return [f for f in listed if code is None or code in f.processors]


NARROW: dict[str, Callable[[Any], Q]] = {
    "severity": lambda name: Q(severity=Severity[name.upper()]),
    "kind": lambda name: Q(kind=name),
    "season": lambda year: Q(season=year),
    "q": lambda text: (
        Q(sentence__icontains=text) | Q(cause__icontains=text) | Q(note__icontains=text)
    ),
}


def _in_state(findings: QuerySet[Finding], state: str) -> QuerySet[Finding]:
    if state == ALL:
        return findings
    if state == LISTED:
        settled = (Finding.State.EXPECTED, Finding.State.FIXED)
        return findings.filter(state__in=Finding.LISTED).exclude(root__state__in=settled)
    return findings.filter(state=state)


class Marking(forms.Form):
    """New state of one or more findings, with the reason."""

    state = forms.ChoiceField(choices=list(MARKS.items()))
    note = forms.CharField(
        label="Reason",
        max_length=query_params.MAX_REASON,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
        error_messages={"required": "enter a reason; it is stored with the finding"},
    )


@dataclass(frozen=True)
class FindingRow:
    """A finding on the list with its consequences."""

    finding: Finding
    strip: SafeString
    consequences: Sequence[Finding]

    @property
    def is_one_date(self) -> bool:
        return len(self.finding.dates) == 1


@dataclass(frozen=True, kw_only=True)
class FindingGroup:
    """Findings of one kind and severity on this page; `count` covers every page."""

    name: str
    title: str
    severity: str
    count: int
    rows: tuple[FindingRow, ...]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A page of the list. `hidden` counts the hidden informational findings."""

    page: Page[tuple[Finding, list[Finding]]]
    kinds: tuple[FindingGroup, ...]
    total: int
    hidden: int


def listing(filters: FindingFilters, page: str, size: int) -> Listing:
    """Return one page of the matching findings, in a fixed number of queries."""
    every = folded(filters.findings())
    listed = every
    if not filters.shows_notes:
        listed = [(f, below) for f, below in every if f.severity > Severity.NOTE]
    shown = paginate(listed, size, page)
    seasons = dates_of_seasons({f.season for f, _ in shown.object_list})
    kinds = tuple(_by_kind(shown.object_list, [f for f, _ in listed], seasons))
    return Listing(page=shown, kinds=kinds, total=len(listed), hidden=len(every) - len(listed))


def _title(kind: str) -> str:
    """Return the title of a kind; empty if it repeats the label."""
    title = BY_NAME[kind].title
    return "" if title.lower().startswith(kind_labels.label(kind).lower()) else title


def _by_kind(
    page: Iterable[tuple[Finding, list[Finding]]],
    every: Sequence[Finding],
    dates: Mapping[int, Sequence[date]],
) -> Iterable[FindingGroup]:
    for (name, severity), group in groupby(page, key=lambda row: (row[0].kind, row[0].severity)):
        count = sum((f.kind, f.severity) == (name, severity) for f in every)
        group_rows = tuple(
            FindingRow(f, strip(f, dates.get(f.season, ())), below) for f, below in group
        )
        yield FindingGroup(
            name=name,
            title=_title(name),
            severity=str(Severity(severity)),
            count=count,
            rows=group_rows,
        )


def dates_of_seasons(years: Iterable[int]) -> dict[int, list[date]]:
    """Return the audited dates of these seasons in order, in one query."""
    dates: dict[int, list[date]] = {}
    rows = (
        AuditResult.objects.filter(season__in=list(years))
        .order_by("date")
        .values_list("season", "date")
        .distinct()
    )
    for year, day in rows:
        dates.setdefault(year, []).append(day)
    return dates


@dataclass(frozen=True)
class AuditRequest:
    """A requested audit that no worker has finished yet."""

    year: int
    at: datetime
    is_late: bool


def pending_audit(
    requested_at: str, year: str, summaries: Iterable[SeasonSummary], at: datetime
) -> AuditRequest | None:
    """Return the pending audit of the URL; None if it is finished, or the URL has none."""
    try:
        since = parse_datetime(requested_at)
    except ValueError:
        since = None
    season = next((s for s in summaries if str(s.year) == year), None)
    if (
        since is None
        or since.tzinfo is None
        or season is None
        or (season.at and season.at >= since)
    ):
        return None
    return AuditRequest(season.year, since, at - since > AUDIT_DUE_WITHIN)
