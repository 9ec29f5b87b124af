"""The forms with which a job is controlled."""

from __future__ import annotations

from django import forms

from backfill.plan.options import MAX_PARALLEL
from webapp.ui.query_params import MAX_REASON

KEEP, RELEASE, FORCE = "keep", "release", "force"


class ReasonForm(forms.Form):
    """A reason, for the record."""

    reason = forms.CharField(
        label="Reason (kept with the event)", required=False, max_length=MAX_REASON,
        widget=forms.TextInput({"class": "form-control"}),
    )  # fmt: skip


class ResumeForm(ReasonForm):
    """Whether a bug pauses the job again."""

    brake = forms.ChoiceField(
        label="When the next bug comes",
        initial=KEEP,
        widget=forms.RadioSelect,
        choices=[
            (KEEP, "pause again, if the brake is on"),
            (RELEASE, "go on: release the brake for this job"),
        ],
    )
    field_order = ("brake", "reason")


class CancelForm(ReasonForm):
    """Whether what runs may finish."""

    force = forms.ChoiceField(
        label="What is running now",
        initial="",
        required=False,
        widget=forms.RadioSelect,
        choices=[
            ("", "may finish: its rows are kept"),
            (
                FORCE,
                "is stopped too: its attempt records nothing, and its dates run again when the job is resumed",
            ),
        ],
    )
    field_order = ("force", "reason")


class LimitForm(ReasonForm):
    """How many batches may be in flight."""

    batches = forms.IntegerField(
        label="Batches in flight at most", min_value=1, max_value=MAX_PARALLEL,
        widget=forms.NumberInput({"class": "form-control", "min": 1, "max": MAX_PARALLEL}),
    )  # fmt: skip
    field_order = ("batches", "reason")
