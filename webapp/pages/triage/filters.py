"""The list of Findings as the page shows it: what is asked for in the URL, by kind, each with a
strip of its dates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString

from backfill.audit.pending import AUDIT_DUE_WITHIN
from backfill.audit.season_summary import SeasonSummary
from backfill.models import AuditResult, Finding
from backfill.processors.registry import CHAIN
from backfill.season_calendar import season_name
from validation.findings.kinds import BY_NAME, KINDS, PHASE3_MISSING, Severity
from webapp.ui import query_params
from webapp.ui.date_strip import strip

SEARCH = {
    "class": "form-control",
    "type": "search",
    "data-search": "",
    "placeholder": "in the sentence",
}
PER_PAGE = 50
LISTED, ALL = "listed", "all"
MARKS = {
    Finding.State.ACKNOWLEDGED: "Acknowledge",
    Finding.State.EXPECTED: "Expected",
    Finding.State.FIXED: "Fixed",
    Finding.State.OPEN: "Open again",
}
MEANINGS = {
    Finding.State.ACKNOWLEDGED: "somebody works on it; it stays on the list",
    Finding.State.EXPECTED: "it is as it should be; silent until it is found on more dates",
    Finding.State.FIXED: "mended; opens again by itself when a newer run still shows it",
    Finding.State.OPEN: "it wants a person after all",
}


def _select(choices: Iterable[tuple[str, str]], label: str) -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(choices=list(choices), required=False, label=label, widget=widget)


def day_field(label: str) -> forms.DateField:
    """A date in a filter."""
    widget = forms.DateInput(attrs={"class": "form-control", "type": "date"}, format="%Y-%m-%d")
    wrong = {"invalid": "that is no date; write it as 2021-11-22"}
    return forms.DateField(required=False, label=label, widget=widget, error_messages=wrong)


class FindingFilters(forms.Form):
    """What is asked for; whatever cannot be meant is said beside its field and asks for nothing."""

    q = forms.CharField(
        required=False, label="Text", max_length=200, widget=forms.TextInput(attrs=SEARCH)
    )
    state = _select(((LISTED, "listed"), *Finding.State.choices, (ALL, "any state")), "State")
    severity = _select((("", "any"), *((str(s), f"{s}s") for s in reversed(Severity))), "Severity")
    kind = _select((("", "any"), *((k.name, k.name) for k in KINDS)), "Kind")
    processor = _select((("", "any"), *((code, code) for code in CHAIN)), "Processor")
    season = forms.IntegerField(
        required=False, label="Season", widget=forms.Select(attrs={"class": "form-select"})
    )
    start, end = day_field("From"), day_field("To")
    notes = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any], seasons: Iterable[int]) -> None:
        super().__init__(data, auto_id="filter_%s")
        widget: Any = self.fields["season"].widget
        widget.choices = [("", "all"), *((year, season_name(year)) for year in seasons)]

    def clean(self) -> dict[str, Any]:
        """The dates in order."""
        found = self.cleaned_data
        if said := query_params.reversed_dates(found.get("start"), found.get("end")):
            self.add_error("end", said)
            found.pop("start")
        return found

    @property
    def refused(self) -> str:
        """The first filter that cannot be meant, in one sentence; empty when all can."""
        return next((f"{name}: {wrong[0]}" for name, wrong in self.errors.items()), "")

    @property
    def asked(self) -> dict[str, Any]:
        """What of it can be meant."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}

    @property
    def is_narrowed(self) -> bool:
        """Whether less is asked for than all that is listed."""
        return bool(
            self.asked.keys()
            - {"notes"}
            - ({"state"} if self.asked.get("state") == LISTED else set())
        )

    @property
    def shows_notes(self) -> bool:
        """Notes are folded away unless somebody asks for them."""
        return bool(self.asked.get("notes")) or self.asked.get("severity") == str(Severity.NOTE)

    def findings(self) -> list[Finding]:
        """Those asked for, worst first, without their evidence."""
        asked = self.asked
        found = Finding.objects.about(asked.get("start"), asked.get("end")).defer(
            "query", "numbers"
        )
        for name, narrow in NARROW.items():
            if name in asked:
                found = found.filter(narrow(asked[name]))
        code = asked.get("processor")
        listed = _in_state(found, asked.get("state", LISTED)).order_by(
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


def _in_state(found: QuerySet[Finding], state: str) -> QuerySet[Finding]:
    if state == ALL:
        return found
    return found.filter(state__in=Finding.LISTED) if state == LISTED else found.filter(state=state)


class Marking(forms.Form):
    """What somebody makes of one or more Findings, and why."""

    state = forms.ChoiceField(choices=list(MARKS.items()))
    note = forms.CharField(
        label="Why",
        max_length=query_params.MAX_REASON,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
        error_messages={"required": "say why: the note is kept with the finding"},
    )


@dataclass(frozen=True)
class FindingRow:
    """A Finding on the list."""

    finding: Finding
    strip: SafeString
    action: str

    @property
    def needs_phase3(self) -> bool:
        """Whether Phase 3 has to be loaded first."""
        return needs_phase3(self.finding)

    @property
    def is_one_date(self) -> bool:
        """Whether it is about a single date."""
        return len(self.finding.dates) == 1


@dataclass(frozen=True)
class FindingGroup:
    """The Findings of one kind and severity on this page, and how many there are of it on all
    pages.
    """

    name: str
    title: str
    severity: str
    count: int
    shown: tuple[FindingRow, ...]


@dataclass(frozen=True)
class Listing:
    """A page of the list. `folded` is how many notes are not shown."""

    page: Page[Finding]
    kinds: tuple[FindingGroup, ...]
    total: int
    folded: int


def listing(filters: FindingFilters, page: str) -> Listing:
    """What the filters ask for; a fixed number of queries."""
    every = filters.findings()
    found = every if filters.shows_notes else [f for f in every if f.severity > Severity.NOTE]
    shown = Paginator(found, PER_PAGE).get_page(page)
    kinds = tuple(
        _by_kind(shown.object_list, found, dates_of_seasons({f.season for f in shown.object_list}))
    )
    return Listing(shown, kinds, len(found), len(every) - len(found))


def _by_kind(
    page: Iterable[Finding], every: Sequence[Finding], dates: Mapping[int, Sequence[date]]
) -> Iterable[FindingGroup]:
    for (name, severity), group in groupby(page, key=lambda f: (f.kind, f.severity)):
        count = sum((f.kind, f.severity) == (name, severity) for f in every)
        shown = tuple(
            FindingRow(f, strip(f, dates.get(f.season, ())), action_words(f.action)) for f in group
        )
        yield FindingGroup(name, BY_NAME[name].title, str(Severity(severity)), count, shown)


def dates_of_seasons(years: Iterable[int]) -> dict[int, list[date]]:
    """The dates of these seasons that have been judged, in order; one query."""
    found: dict[int, list[date]] = {}
    rows = (
        AuditResult.objects.filter(season__in=list(years))
        .order_by("date")
        .values_list("season", "date")
        .distinct()
    )
    for year, day in rows:
        found.setdefault(year, []).append(day)
    return found


def needs_phase3(finding: Finding) -> bool:
    """Whether what it proposes is of use only when Phase 3 has been loaded, which the page of the
    Finding looks up.
    """
    return finding.kind == PHASE3_MISSING.name


def action_words(action: Mapping[str, Any] | None) -> str:
    """What would be started, in a few words; nothing where the system can do nothing."""
    if not action:
        return ""
    codes = ", ".join(action["processors"]) or "all five"
    span = (
        action["start"]
        if action["start"] == action["end"]
        else f"{action['start']} to {action['end']}"
    )
    return f"Start {codes}, {span}"


@dataclass(frozen=True)
class AuditRequest:
    """A judgement that a worker was asked for and has not made yet."""

    year: int
    at: datetime
    is_late: bool


def pending_requests(
    asked: str, season: str, found: Iterable[SeasonSummary], at: datetime
) -> AuditRequest | None:
    """What the URL says of a judgement that is under way; None when it has been made, or when it
    says nothing.
    """
    try:
        since = parse_datetime(asked)
    except ValueError:
        since = None
    promise = next((p for p in found if str(p.year) == season), None)
    if (
        since is None
        or since.tzinfo is None
        or promise is None
        or (promise.at and promise.at >= since)
    ):
        return None
    return AuditRequest(promise.year, since, at - since > AUDIT_DUE_WITHIN)
