"""What can be done with a job now; of what cannot, why not."""

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


@dataclass(frozen=True)
class Button:
    """One action. `why_not` is why it cannot be done now, empty when it can; `dialog` whether it
    asks before it does.
    """

    words: str
    icon: str
    url: str
    why_not: str = ""
    dialog: bool = False
    look: str = ""


@dataclass(frozen=True)
class Buttons:
    """Those that can be pressed, and the others by their reason."""

    possible: tuple[Button, ...]
    impossible: tuple[tuple[str, tuple[Button, ...]], ...]


def buttons(job: Job, found: Progress, user: User) -> Buttons:
    """All the actions on a job, for this user."""
    every = [*_control(job, found, user), *_other(job, found)]
    reasons: dict[str, list[Button]] = {}
    for button in every:
        if button.why_not:
            reasons.setdefault(button.why_not, []).append(button)
    grouped = tuple((reason, tuple(group)) for reason, group in reasons.items())
    return Buttons(tuple(b for b in every if not b.why_not), grouped)


def _control(job: Job, found: Progress, user: User) -> Iterator[Button]:
    """What changes the job: for operators, and only where it is possible."""
    cancel = "Cancel by force" if job.status == Status.CANCELLING else "Cancel"
    for name, words, icon, look, why_not in (
        ("job_pause", "Pause", "player-pause", "", _no_pause(job)),
        ("job_resume", "Resume", "player-play", "btn-primary", _no_resume(job, found)),
        ("job_cancel", cancel, "player-stop", "btn-danger", _ended(job)),
        ("job_cap", "Change cap", "settings", "", _ended(job)),
    ):
        reason = why_not if user.may_operate else OPERATORS_ONLY
        yield Button(words, icon, reverse(name, args=[job.pk]), reason, dialog=True, look=look)
    yield Button("Retry failures", "rotate-clockwise", links.to_retry(job.pk), no_retry(job, user))


def _other(job: Job, found: Progress) -> Iterator[Button]:
    """What only shows something, or leads on."""
    yield Button(
        "Start again with these options",
        "copy",
        links.with_query(reverse("backfill_new"), job=job.pk),
    )
    yield Button("Compare", "arrows-diff", reverse("job_compare", args=[job.pk]))
    yield Button("CSV", "download", reverse("job_report", args=[job.pk, "csv"]))
    yield Button("JSON", "download", reverse("job_report", args=[job.pk, "json"]))


def _ended(job: Job) -> str:
    return f"the job has ended ({job.status})" if job.status in Job.ENDED else ""


def _no_pause(job: Job) -> str:
    if job.status in Job.ACTIVE:
        return ""
    return _ended(job) or f"the job is {job.status} already"


def _no_resume(job: Job, found: Progress) -> str:
    if job.status == Status.CANCELLED:
        return (
            "" if found.counts.get("cancelled") else "nothing was left to run when it was cancelled"
        )
    if job.status in (Status.PAUSED, Status.PAUSING):
        return ""
    if job.status == Status.CANCELLING:
        return "wait until it has been cancelled"
    return _ended(job) or "it is under way"


def no_retry(job: Job, user: User) -> str:
    """Why this user cannot retry what failed of a job now; empty when he can."""
    if not user.may_operate:
        return OPERATORS_ONLY
    return "" if job.status in Job.ENDED else "wait until the job has ended"
