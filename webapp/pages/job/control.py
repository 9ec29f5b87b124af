"""Pause, resume, cancel and limit a job: GET shows the effect, POST executes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from backfill.jobs.lifecycle import cancel_job, change_limit, pause_job, resume_job
from backfill.jobs.resumption import resumption
from backfill.models import Job
from backfill.plan.options import MAX_PARALLEL
from validation.findings.kinds import pluralize
from webapp.auth.permissions import operator_required
from webapp.pages.job.page import effects
from webapp.ui.query_params import MAX_REASON
from webapp.ui.typing import HtmxRequest

confirmed = require_http_methods(["GET", "HEAD", "POST"])


KEEP, RELEASE, FORCE = "keep", "release", "force"


class ReasonForm(forms.Form):
    """Form with the reason that is stored with the event."""

    reason = forms.CharField(
        label="Reason (stored with the event)", required=False, max_length=MAX_REASON,
        widget=forms.TextInput({"class": "form-control"}),
    )  # fmt: skip


class ResumeForm(ReasonForm):
    """Form of Resume: keep or switch off pause on error."""

    brake = forms.ChoiceField(
        label="Pause on error",
        initial=KEEP,
        widget=forms.RadioSelect({"class": "form-check-input"}),
        choices=[
            (KEEP, "keep the current setting"),
            (RELEASE, "turn off for this job"),
        ],
    )
    field_order = ("brake", "reason")


class CancelForm(ReasonForm):
    """Form of Cancel: let running runs finish, or stop them."""

    force = forms.ChoiceField(
        label="Runs in progress",
        initial="",
        required=False,
        widget=forms.RadioSelect({"class": "form-check-input"}),
        choices=[
            ("", "finish and keep their rows"),
            (FORCE, "stop (force cancel); their dates run again after a resume"),
        ],
    )
    field_order = ("force", "reason")


class LimitForm(ReasonForm):
    """Form of the concurrency limit."""

    batches = forms.IntegerField(
        label="Batches in flight", min_value=1, max_value=MAX_PARALLEL,
        widget=forms.NumberInput({"class": "form-control", "min": 1, "max": MAX_PARALLEL}),
    )  # fmt: skip
    field_order = ("batches", "reason")


@confirmed
@operator_required
def pause(request: HtmxRequest, number: int) -> HttpResponse:
    """Pause a job: running runs finish, pending runs stay pending."""
    job, form = get_object_or_404(Job, pk=number), ReasonForm(_posted(request))
    if not form.is_valid():
        return _confirm(request, job, form, "pause")
    pause_job(job, request.user.username, form.cleaned_data["reason"])
    return _done(request, job, f"Job {job.pk} is pausing.")


@confirmed
@operator_required
def resume(request: HtmxRequest, number: int) -> HttpResponse:
    """Resume a paused or cancelled job."""
    job, form = get_object_or_404(Job, pk=number), ResumeForm(_posted(request))
    if not form.is_valid():
        return _confirm(request, job, form, "resume")
    brake = False if form.cleaned_data["brake"] == RELEASE else None
    effect = resumption(job)
    resume_job(job, request.user.username, form.cleaned_data["reason"], brake=brake)
    return _done(request, job, f"Job {job.pk} resumed{effect.skipped_text}.")


@confirmed
@operator_required
def cancel(request: HtmxRequest, number: int) -> HttpResponse:
    """Cancel a job: drop pending runs; running runs finish, or stop with force."""
    job, form = get_object_or_404(Job, pk=number), CancelForm(_posted(request))
    if not form.is_valid():
        return _confirm(request, job, form, "cancel")
    done = cancel_job(
        job,
        request.user.username,
        form.cleaned_data["reason"],
        force=bool(form.cleaned_data["force"]),
    )
    dropped = pluralize(done.dropped, "run")
    effect = f"{dropped} dropped, {done.finishing:,} finishing, {done.stopped:,} stopped"
    return _done(request, job, f"Job {job.pk} cancelled: {effect}{done.warehouse_text}.")


@confirmed
@operator_required
def limit(request: HtmxRequest, number: int) -> HttpResponse:
    """Change the concurrency limit of a job."""
    job = get_object_or_404(Job, pk=number)
    form = LimitForm(_posted(request), initial={"batches": job.max_in_flight})
    if not form.is_valid():
        return _confirm(request, job, form, "limit")
    batches = form.cleaned_data["batches"]
    change_limit(batches, request.user.username, form.cleaned_data["reason"], job=job)
    return _done(request, job, f"Concurrency limit of job {job.pk}: {batches}.")


def _posted(request: HtmxRequest) -> QueryDict | None:
    """Return the data of a POST; None leaves the form unbound and invalid."""
    return request.POST if request.method == "POST" else None


def _confirm(request: HtmxRequest, job: Job, form: forms.Form, verb: str) -> HttpResponse:
    """Render the confirmation, as a dialog of the job's page or as a separate page."""
    template = "job/_confirm.html" if request.htmx.target == "dialog" else "job/confirm.html"
    action, explanation = reverse(f"job_{verb}", args=[job.pk]), f"job/_{verb}.html"
    context: dict[str, Any] = {
        "job": job,
        "form": form,
        "verb": verb,
        "explanation": explanation,
        "action": action,
        **effects(job),
    }
    if verb == "resume":
        context["effect"] = resumption(job)
    return render(request, template, context, status=422 if form.errors else 200)


def _done(request: HtmxRequest, job: Job, message: str) -> HttpResponse:
    messages.success(request, message)
    return redirect("job", job.pk)
