"""Current state of a job, as its page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from backfill.models import Job
from backfill.status.attention import is_audit_pending, stop_cause
from backfill.status.job_outcome import (
    findings_about,
)
from backfill.status.progress import Progress, progress, system
from webapp.models import User
from webapp.pages.job import figures
from webapp.pages.job.buttons import buttons
from webapp.ui import tab_title

SWEEP_IS_LATE_SECONDS = 30
PARTS = ("state", "cause", "actions", "live")


@dataclass(frozen=True, kw_only=True)
class Live:
    """Current state of a job: its progress, and its small parts as HTML."""

    job: Job
    found: Progress
    parts: Mapping[str, SafeString]
    audit_pending: bool

    @property
    def is_changing(self) -> bool:
        """Return whether the job or its audit can change without a user."""
        return self.job.status not in Job.ENDED or self.audit_pending

    @property
    def announced(self) -> str:
        """Announcement for screen readers."""
        return figures.announced(self.found, self.job)

    @property
    def title(self) -> str:
        """Title of the tab: state and progress before the name."""
        return tab_title.of_job(self.job, self.found.ended, self.found.total)


def live(job: Job, user: User, at: datetime) -> Live:
    """Read the state of a job."""
    found = progress(job, at)
    audit_pending = is_audit_pending(job, at)
    context = {
        "job": job,
        "found": found,
        "audit_pending": audit_pending,
        **_words(job, found, at),
        "buttons": buttons(job, found, user),
    }
    parts = {name: render_to_string(f"job/_{name}.html", context) for name in PARTS}
    return Live(job=job, found=found, parts=parts, audit_pending=audit_pending)


def _words(job: Job, found: Progress, at: datetime) -> dict[str, Any]:
    return {
        "bars": figures.bars(found),
        "whole": figures.bar(str(job), found.counts, sum(found.bugs.values())),
        "active_seconds": job.active_seconds(at) if job.started_at else None,
        "rate": figures.rate(found),
        "time_left": figures.time_left(found, job),
        "stopping": figures.stopping(found, job),
        "heart": heartbeat(system(at)),
        "polled": job.status not in Job.ENDED,
        "cause": stop_cause(job),
    }


def heartbeat(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return worker counts and the state of the sweep, rounded so that not every second changes
    the fragment.
    """
    alive = [w for w in found["workers"] if w["alive"] and w["kind"] == "worker"]
    swept = found["swept_seconds_ago"]
    if swept is None:
        sweep = "not run yet"
    elif swept <= SWEEP_IS_LATE_SECONDS:
        sweep = "on time"
    else:
        sweep = f"last seen {swept // 60:.0f} min ago" if swept >= 60 else "late"
    return {
        "workers": len(alive),
        "busy": sum(bool(w["steps"]) for w in alive),
        "sweep": sweep,
        "late": sweep != "on time",
    }


def next_steps(job: Job) -> dict[str, Any]:
    """Return the Findings of a job's dates with their URLs, and the seasons not audited since."""
    findings, pending_audits = findings_about(job)
    return {
        "findings": [(f, reverse("finding", args=[f.pk])) for f in findings],
        "pending_audits": pending_audits,
    }
