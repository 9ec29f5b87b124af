"""Pause, go on, cancel, change the cap: asked first with what exactly would happen, done by POST."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from backfill.jobs.lifecycle import cancel_job, change_limit, pause_job, resume_job
from backfill.models import Job
from webapp.auth.permissions import operator_required
from webapp.pages.job.control_forms import RELEASE, CancelForm, LimitForm, ReasonForm, ResumeForm
from webapp.pages.job.page import effects
from webapp.ui.typing import HtmxRequest

asked_first = require_http_methods(["GET", "HEAD", "POST"])


@asked_first
@operator_required
def pause(request: HtmxRequest, number: int) -> HttpResponse:
    """Let what runs finish and start nothing else."""
    job, form = get_object_or_404(Job, pk=number), ReasonForm(_posted(request))
    if not form.is_valid():
        return _ask(request, job, form, "pause")
    pause_job(job, request.user.username, form.cleaned_data["reason"])
    return _done(request, job, f"Job {job.pk} pauses.")


@asked_first
@operator_required
def resume(request: HtmxRequest, number: int) -> HttpResponse:
    """Go on with what is left."""
    job, form = get_object_or_404(Job, pk=number), ResumeForm(_posted(request))
    if not form.is_valid():
        return _ask(request, job, form, "resume")
    brake = False if form.cleaned_data["brake"] == RELEASE else None
    resume_job(job, request.user.username, form.cleaned_data["reason"], brake=brake)
    return _done(request, job, f"Job {job.pk} goes on.")


@asked_first
@operator_required
def cancel(request: HtmxRequest, number: int) -> HttpResponse:
    """Drop what waits; what runs finishes, or is stopped by force."""
    job, form = get_object_or_404(Job, pk=number), CancelForm(_posted(request))
    if not form.is_valid():
        return _ask(request, job, form, "cancel")
    done = cancel_job(
        job,
        request.user.username,
        form.cleaned_data["reason"],
        force=bool(form.cleaned_data["force"]),
    )
    said = f"{done.dropped:,} runs dropped, {done.finishing:,} finishing, {done.stopped:,} stopped by force."
    return _done(request, job, f"Job {job.pk} is cancelled: {said}")


@asked_first
@operator_required
def cap(request: HtmxRequest, number: int) -> HttpResponse:
    """Let more or fewer batches be in flight."""
    job = get_object_or_404(Job, pk=number)
    form = LimitForm(_posted(request), initial={"batches": job.max_in_flight})
    if not form.is_valid():
        return _ask(request, job, form, "cap")
    batches = form.cleaned_data["batches"]
    change_limit(batches, request.user.username, form.cleaned_data["reason"], job=job)
    return _done(request, job, f"At most {batches} batches of job {job.pk} are in flight now.")


def _posted(request: HtmxRequest) -> QueryDict | None:
    """What a form is filled with; one that nobody has sent is valid for nobody."""
    return request.POST if request.method == "POST" else None


def _ask(request: HtmxRequest, job: Job, form: forms.Form, verb: str) -> HttpResponse:
    """What would happen, as a dialog of the job's page or as a page of its own."""
    template = "job/_ask.html" if request.htmx.target == "dialog" else "job/ask.html"
    action, what = reverse(f"job_{verb}", args=[job.pk]), f"job/_{verb}.html"
    context: dict[str, Any] = {
        "job": job,
        "form": form,
        "verb": verb,
        "what": what,
        "action": action,
        **effects(job),
    }
    return render(request, template, context, status=422 if form.errors else 200)


def _done(request: HtmxRequest, job: Job, said: str) -> HttpResponse:
    messages.success(request, said)
    return redirect("job", job.pk)
