"""The form of a new backfill: what is typed becomes Options, and what is wrong a sentence beside
its field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from django import forms
from django.http import QueryDict
from django.utils.timezone import now

from backfill.errors import Refused
from backfill.jobs.launches import passed_text
from backfill.plan.date_lists import format_dates, parse_dates, without
from backfill.plan.options import MAX_BATCH_SIZE, MAX_PARALLEL, MAX_RETRIES, MODES, Options, chosen
from backfill.processors.registry import CHAIN, PROCESSORS
from webapp.ui.form_fields import ISO, OFF, ON, iso_date, number, switch, text_list
from webapp.ui.query_params import MAX_REASON

T = TypeVar("T")
RANGE, LIST = "range", "list"
# What nobody has to type, as it stands in a query string.
DEFAULTS: Mapping[str, str] = {
    "by": RANGE,
    "start": "",
    "end": "",
    "dates": "",
    "exclude": "",
    "processors": ",".join(CHAIN),
    "mode": MODES[0],
    "what": "missing",
    "batch_size": "",
    "parallel": "",
    "max_retries": str(Options.max_retries),
    "canary": ON,
    "brake": ON,
    "newest_first": OFF,
    "skip_preflight": OFF,
    "skip_trigger": OFF,
    "reason": "",
    "at": "",
    "of_finding": "",
}
# The policies for what exists already, as flags of Options.
POLICIES: Mapping[str, Mapping[str, bool]] = {
    "missing": {},
    "failed": {"failed": True},
    "outdated": {"outdated": True},
    "everything": {"force": True},
}
SWITCHES = ("canary", "brake", "newest_first", "skip_preflight", "skip_trigger")
LONGEST_ADDRESS = 2000  # characters; gunicorn takes 4094 in all
NUMBERS = ("batch_size", "parallel", "max_retries")
ANY_DAY = date(2021, 11, 22)
NO_REASON = "say why; it is stored with the job, and everybody can read it later"


class LaunchForm(forms.Form):
    """Everything that one may ask of a backfill. `options` are those meant, None while the dates
    are wrong.

    A field that is wrong counts as not filled in, so that there is a preview of the others; nothing
    starts like this.
    """

    use_required_attribute = False

    of_finding = forms.CharField(
        required=False, widget=forms.HiddenInput
    )  # whose proposal fills in the form
    by = forms.ChoiceField(
        label="Which dates",
        choices=[(RANGE, "From a date to a date"), (LIST, "A list")],
        widget=forms.RadioSelect,
    )
    start = iso_date("First date")
    end = iso_date("Last date, included")
    dates = text_list("Dates and ranges", "2021-11-01..2021-11-05, 2021-11-09")
    exclude = text_list("Not these", "2021-11-25")
    processors = forms.Field(
        label="Processors", required=False, widget=forms.CheckboxSelectMultiple
    )
    mode = forms.ChoiceField(
        label="Mode", choices=[(m, m) for m in MODES], widget=forms.RadioSelect
    )
    what = forms.ChoiceField(
        label="What to run",
        widget=forms.RadioSelect,
        choices=[
            ("missing", "What is missing: not complete yet"),
            ("failed", "What failed, was blocked or cancelled, or is lost"),
            ("outdated", "What is missing, and what older code or other input made"),
            ("everything", "Everything, and replace what is complete"),
        ],
    )
    batch_size = number("Dates per batch", "empty: the planner chooses", MAX_BATCH_SIZE)
    parallel = number("Batches in flight", "", MAX_PARALLEL)
    max_retries = number("Own retries", "in all, of what may work later", MAX_RETRIES)
    canary = switch("Canary", "the first date runs alone; a bug in it pauses the job")
    brake = switch("Brake", "a bug on any date pauses the job")
    newest_first = switch(
        "Newest first", "begin with the last dates; no date needs the one before it"
    )
    skip_preflight = switch(
        "Skip the preflight", "start on incomplete Phase 3; needs the reason below"
    )
    skip_trigger = switch("Do not tell Phase 5", "normal mode only: backfill mode never tells it")
    reason = forms.CharField(
        label="Reason", required=False, strip=True, max_length=MAX_REASON,
        widget=forms.Textarea({"rows": 2, "placeholder": "why?"}),
    )  # fmt: skip
    at = forms.DateTimeField(
        label="Start at (UTC)", required=False, input_formats=[f"{ISO} %H:%M", f"{ISO}T%H:%M"],
        widget=forms.DateTimeInput({"placeholder": "2021-11-22 10:30"}),
        error_messages={"invalid": "this is no time; write it as 2021-11-22 10:30, in UTC"},
    )  # fmt: skip

    def __init__(self, query: QueryDict) -> None:
        self.typed = typed(query)
        super().__init__(
            {
                **self.typed,
                "processors": [code for code in self.typed["processors"].split(",") if code],
            },
            auto_id="new-%s",
        )
        self.fields["processors"].widget.choices = [(p.code, p) for p in PROCESSORS.values()]
        self.options: Options | None = None
        for name, field in (
            (name, field) for name, field in self.fields.items() if not field.widget.is_hidden
        ):
            field.widget.attrs |= {
                "class": _look(field.widget),
                "aria-describedby": f"new-{name}-error",
            }
        self.full_clean()

    @property
    def query(self) -> str:
        """What differs from the defaults as a query string: the address of this form."""
        return address(self.typed)

    @property
    def is_long(self) -> bool:
        """Whether no address can hold it."""
        return is_long(self.query)

    @property
    def why_no_brake(self) -> str:
        """Why the brake is off although nobody has put it off; empty when that is not so."""
        if self.typed["brake"] == ON or not self.typed["of_finding"]:
            return ""
        return "off, as the canary is, for a bug that is known on these dates and would stop it; it has a finding of its own"

    def clean(self) -> dict[str, Any]:
        """Make the options of what is right."""
        found = self.cleaned_data
        fields = {
            name: value
            for name in (*NUMBERS, "mode")
            if self._is_meant(name, value := found.get(name))
        }
        fields |= {name: found[name] for name in SWITCHES} | {"reason": found.get("reason", "")}
        fields |= POLICIES[found.get("what", "missing")]
        fields["processors"] = self._try("processors", self._processors) or CHAIN
        fields |= self._contradictions(fields)
        days = self._try("exclude" if found.get("exclude") else self._place, self._days)
        self.options = Options.of_dates(days, **fields) if days else None
        if (at := found.get("at")) and at <= now():
            self.add_error("at", passed_text(at))
        return found

    @property
    def _place(self) -> str:
        """The field that names the dates."""
        return "dates" if self.cleaned_data.get("by") == LIST else "end"

    def _days(self) -> tuple[date, ...]:
        """The dates that are meant; none while a field of them is empty or wrong."""
        found = self.cleaned_data
        days: tuple[date, ...] = ()
        if found.get("by") == LIST:
            days = parse_dates(found["dates"])
        elif (start := found.get("start")) and (end := found.get("end")):
            days = tuple(Options(start, end).days)
        else:
            days = ()
        return (
            without(days, parse_dates(found["exclude"])) if days and found.get("exclude") else days
        )

    def _processors(self) -> tuple[str, ...]:
        codes = chosen(self.cleaned_data.get("processors") or ())
        return Options(
            ANY_DAY, ANY_DAY, processors=codes if self.typed["processors"] else ()
        ).processors

    def _is_meant(self, name: str, value: Any) -> bool:
        """Whether a field is filled in, and with something that can be."""
        return (
            value is not None
            and self._try(name, lambda: Options(ANY_DAY, ANY_DAY, **{name: value})) is not None
        )

    def _contradictions(self, fields: Mapping[str, Any]) -> dict[str, bool]:
        """What contradicts another field, said there, and left out."""
        wrong = {}
        if fields["skip_preflight"] and not fields["reason"]:
            wrong["skip_preflight"] = (
                "skipping the preflight needs a reason; it is stored with the job"
            )
        if fields["skip_trigger"] and fields.get("mode", MODES[0]) == MODES[0]:
            wrong["skip_trigger"] = "backfill mode never tells Phase 5; this belongs to normal mode"
        for name, sentence in wrong.items():
            self.add_error(name, sentence)
        return dict.fromkeys(wrong, False)

    def _try(self, name: str, make: Callable[[], T]) -> T | None:
        """What is made of a field, or the sentence why it is refused beside it."""
        try:
            return make()
        except Refused as refused:
            self.add_error(name, str(refused))
        return None


def _look(widget: forms.Widget) -> str:
    own = widget.attrs.get("class", "")
    if isinstance(widget, (forms.CheckboxInput, forms.RadioSelect, forms.CheckboxSelectMultiple)):
        return f"form-check-input {own}".strip()
    return f"form-control {own}".strip()


def typed(query: QueryDict) -> dict[str, str]:
    """What a query string says of each field, in one form. Raises Refused for a place in the chain
    that there is none.
    """
    found = {name: query.get(name, usual) for name, usual in DEFAULTS.items()}
    found["processors"] = _codes(query)
    if "by" not in query and found["dates"]:
        found["by"] = LIST
    return {name: value.replace("\r\n", "\n").strip() for name, value in found.items()}


def _codes(query: QueryDict) -> str:
    """The processors named, or all from a place in the chain on; the form sends an empty one so
    that none is none.
    """
    if place := query.get("start_from"):
        return ",".join(
            chosen(start_from=int(place) if place.isdecimal() and len(place) < 5 else 0)
        )
    if "processors" not in query:
        return DEFAULTS["processors"]
    return ",".join(
        word for part in query.getlist("processors") for word in part.split(",") if word
    )


def query_of(options: Options, **more: str) -> str:
    """The query string that fills the form with these options."""
    what = next(
        (
            name
            for name, flags in POLICIES.items()
            if flags and all(getattr(options, f) for f in flags)
        ),
        "missing",
    )
    days = (
        {"dates": format_dates(options.dates)}
        if options.dates
        else {"start": str(options.start), "end": str(options.end)}
    )
    numbers = {name: str(getattr(options, name) or "") for name in ("batch_size", "parallel")}
    switches = {name: ON if getattr(options, name) else OFF for name in SWITCHES}
    fields = {
        **days,
        **numbers,
        **switches,
        "processors": ",".join(options.processors),
        "mode": options.mode,
        "what": what,
        "max_retries": str(options.max_retries),
        "reason": options.reason,
        **more,
    }
    return address(fields)


def is_long(query: str) -> bool:
    """Whether a query string is longer than every server and proxy on the way takes."""
    return len(query) > LONGEST_ADDRESS


def address(fields: Mapping[str, str]) -> str:
    """Fields as a query string, without those that are as they are by default."""
    found = QueryDict(mutable=True)
    found.update({name: value for name, value in fields.items() if value != DEFAULTS[name]})
    return found.urlencode(safe=",:")
