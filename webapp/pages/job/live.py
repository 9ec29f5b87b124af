"""Live part of a job's page: the changes since the browser's last poll.

The URL of the next poll holds the browser's state: a cursor in the job's events and a digest of
every part. No process keeps state for longer than a polling interval, so a restarted process
answers like its predecessor. Browsers with the same state share one cached answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zlib import crc32

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from backfill.models import Job
from backfill.status.attention import is_audit_pending, stop_cause
from backfill.status.event_cursor import EventCursor, changed_since
from backfill.status.job_outcome import (
    JobRun,
    findings_about,
    job_outcome,
    own_runs,
    superseded,
    verdicts_of,
)
from backfill.status.progress import Progress, progress, system
from webapp.models import User
from webapp.pages.job import figures
from webapp.pages.job.buttons import buttons
from webapp.ui.shared_cache import shared

ACTIVE_SECONDS, PAUSED_SECONDS = 1, 5
SWEEP_IS_LATE_SECONDS = 30
PARTS = ("state", "cause", "actions", "live")


@dataclass(frozen=True, kw_only=True)
class Live:
    """Current state of a job: its parts as HTML, and the browser's state after showing them."""

    job: Job
    found: Progress
    parts: Mapping[str, SafeString]
    mark: EventCursor
    changed: frozenset[int]
    audit_pending: bool
    season: int = 0  # of the grid, if it shows only one

    @property
    def every(self) -> int:
        """Seconds between two polls; 0 ends polling."""
        if self.job.status in Job.ENDED:
            return ACTIVE_SECONDS if self.audit_pending else 0
        return PAUSED_SECONDS if self.job.status == Job.Status.PAUSED else ACTIVE_SECONDS

    @property
    def seen(self) -> str:
        """State of a browser that shows all of this."""
        return "-".join([str(self.mark), *(_digest(self.parts[name]) for name in PARTS)])

    @property
    def announced(self) -> str:
        """Announcement for screen readers."""
        return figures.announced(self.found, self.job)


def answer(job: Job, user: User, seen: str, season: int, at: datetime) -> str:
    """Return the changes since `seen`, with one database read per second, role and state."""
    return shared(
        f"live {job.pk} {user.role} {season} {seen}",
        ACTIVE_SECONDS,
        lambda: str(fragment(replace(live(job, user, seen, at), season=season), seen)),
    )


def live(job: Job, user: User, seen: str, at: datetime) -> Live:
    """Read the state of a job. The event cursor comes first, so that a change between the two
    reads is sent twice instead of never.
    """
    mark, changed = changed_since(job, EventCursor.parsed(seen.partition("-")[0]), at)
    job.refresh_from_db()
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
    return Live(
        job=job,
        found=found,
        parts=parts,
        mark=mark,
        changed=frozenset(changed),
        audit_pending=audit_pending,
    )


def _words(job: Job, found: Progress, at: datetime) -> dict[str, Any]:
    return {
        "bars": figures.bars(found),
        "whole": figures.bar("all", found.counts),
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


def fragment(found: Live, seen: str) -> str:
    """Return the changes since `seen` as out-of-band HTML; empty if there are none."""
    if seen == found.seen:
        return ""
    before = seen.split("-")[1:]
    known = dict(zip(PARTS, before, strict=False))
    parts = [
        _out_of_band(name, html)
        for name, html in found.parts.items()
        if known.get(name) != _digest(html)
    ]
    context = {
        "live": found,
        "job": found.job,
        "parts": parts,
        "cells": (),
        "outcome": None,
        "state_changed": known.get("state") != _digest(found.parts["state"]),
    }
    # The last poll sends everything, because no other poll follows.
    if found.changed or not found.every:
        context |= _of_runs(found) | next_steps(found.job)
    return render_to_string("job/_changes.html", context)


def next_steps(job: Job) -> dict[str, Any]:
    """Return the Findings of a job's dates with their URLs, and the seasons not audited since."""
    findings, pending_audits = findings_about(job)
    return {
        "findings": [(f, reverse("finding", args=[f.pk])) for f in findings],
        "pending_audits": pending_audits,
    }


def _of_runs(found: Live) -> dict[str, Any]:
    """Return the changed cells and the current failures."""
    runs = own_runs(found.job)
    # The audit, which comes last, can change the state of every cell.
    audits = {} if found.every else verdicts_of(runs)
    shown = figures.of_season(runs, found.season)
    changed: Sequence[JobRun] = [r for r in shown if not found.every or r.pk in found.changed]
    dates = list(dict.fromkeys(r.date for r in shown))
    cells = figures.changed_cells(found.job, changed, audits, dates)
    return {
        "cells": cells,
        "outcome": job_outcome(runs, audits, superseded(found.job, runs)),
        "swapped": True,
    }


def _out_of_band(name: str, html: SafeString) -> SafeString:
    """Mark a part for an out-of-band swap."""
    return SafeString(html.replace(f'id="job-{name}"', f'id="job-{name}" hx-swap-oob="morph"', 1))


def _digest(html: str) -> str:
    return f"{crc32(html.encode()):08x}"
