"""Buttons of a job: enabled ones, and disabled ones with their reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse

from backfill.models import Job
from backfill.status.progress import Progress
from webapp.auth.permissions import OPERATORS_ONLY
from webapp.models import User
from webapp.ui import links

Status = Job.Status


@dataclass(frozen=True, kw_only=True)
class Button:
    """Action on a job. `disabled_reason` is empty for an enabled button; `dialog` asks for
    confirmation first; `style` is a CSS class, `name` the id
    of its element.
    """

    label: str
    icon: str
    url: str
    disabled_reason: str = ""
    dialog: bool = False
    style: str = ""
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class RowAction:
    """Action in a row of a list; `dialog` asks for confirmation first. With a `disabled_reason` it
    is not offered.
    """

    label: str
    url: str
    dialog: bool = False
    disabled_reason: str = ""


@dataclass(frozen=True)
class Buttons:
    """Enabled buttons, and disabled ones grouped by their reason."""

    enabled: tuple[Button, ...]
    disabled: tuple[tuple[str, tuple[Button, ...]], ...]


def buttons(job: Job, progress: Progress, user: User) -> Buttons:
    """Return every action on a job, for this user."""
    every = [*_control(job, progress, user), *_other(job)]
    if ended := _ended(job):
        every = [button for button in every if button.disabled_reason != ended]
    reasons: dict[str, list[Button]] = {}
    for button in every:
        if button.disabled_reason:
            reasons.setdefault(button.disabled_reason, []).append(button)
    grouped = tuple((reason, tuple(group)) for reason, group in reasons.items())
    return Buttons(tuple(b for b in every if not b.disabled_reason), grouped)


def _control(job: Job, progress: Progress, user: User) -> Iterator[Button]:
    """Yield the buttons that change the job; viewers see them disabled."""
    cancel = "Force cancel" if job.status == Status.CANCELLING else "Cancel job"
    for name, label, icon, style, unavailable in (
        ("job_pause", "Pause job", "player-pause", "", _no_pause(job)),
        ("job_resume", "Resume job", "player-play", "btn-primary", _no_resume(job, progress)),
        ("job_cancel", cancel, "player-stop", "btn-danger", _ended(job)),
        ("job_limit", "Change concurrency limit", "settings", "", _ended(job)),
    ):
        reason = unavailable if user.may_operate else OPERATORS_ONLY
        yield Button(
            label=label,
            icon=icon,
            url=reverse(name, args=[job.pk]),
            disabled_reason=reason,
            dialog=True,
            style=style,
        )
    yield Button(
        label="Retry failures",
        name="retry-failures",
        icon="rotate-clockwise",
        url=links.to_retry(job.pk),
        disabled_reason=no_retry(job, user),
    )
    if _may_undo(job, user):
        yield Button(label="Undo job", icon="history", url=reverse("job_undo", args=[job.pk]))


def _may_undo(job: Job, user: User) -> bool:
    return (
        user.may_operate
        and job.status in Job.ENDED
        and job.runs.filter(replaced__isnull=False).exists()
    )


def _other(job: Job) -> Iterator[Button]:
    """Yield the buttons that open pages and downloads."""
    yield Button(
        label="Copy to new backfill",
        icon="copy",
        url=links.with_query(reverse("backfill_new"), job=job.pk),
    )
    yield Button(
        label="Compare jobs", icon="arrows-diff", url=reverse("job_compare", args=[job.pk])
    )
    yield Button(
        label="Download CSV", icon="download", url=reverse("job_report", args=[job.pk, "csv"])
    )
    yield Button(
        label="Download JSON", icon="download", url=reverse("job_report", args=[job.pk, "json"])
    )


def _ended(job: Job) -> str:
    return f"the job has ended ({job.status})" if job.status in Job.ENDED else ""


def _no_pause(job: Job) -> str:
    if job.status in Job.ACTIVE:
        return ""
    return _ended(job) or f"the job is already {job.status}"


def _no_resume(job: Job, progress: Progress) -> str:
    if job.status == Status.CANCELLED:
        return "" if progress.counts.get("cancelled") else "no cancelled runs to resume"
    if job.status in (Status.PAUSED, Status.PAUSING):
        return ""
    if job.status == Status.CANCELLING:
        return "wait until the job is cancelled"
    return _ended(job) or "the job is already running"


def no_retry(job: Job, user: User) -> str:
    """Return the reason why this user cannot retry the job now; empty if the user can."""
    if not user.may_operate:
        return OPERATORS_ONLY
    return "" if job.status in Job.ENDED else "wait until the job has ended"
