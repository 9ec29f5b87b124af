"""The live part of a job's page: what has changed since the browser last asked, and nothing else.

What a browser has seen stands in the URL of its next question: a mark in the job's events and a
digest of every part.
No process remembers anything for longer than browsers wait between two questions, so that one that
has been restarted answers
like the one before; meanwhile one answer serves all who have seen the same, however many look on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import Any
from zlib import crc32

from django.core.cache import cache
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from backfill.audit.pending import is_pending
from backfill.models import Job
from backfill.status.attention import stop_cause
from backfill.status.event_cursor import EventCursor, changed_since
from backfill.status.job_outcome import JobRun, findings_about, job_outcome, own_runs, verdicts_of
from backfill.status.progress import Progress, progress, system
from webapp.models import User
from webapp.pages.job import figures
from webapp.pages.job.buttons import buttons

UNDER_WAY_SECONDS, PAUSED_SECONDS = 1, 5
SWEEP_IS_LATE_SECONDS = 30
PARTS = ("state", "cause", "actions", "live")
_asking = Lock()


@dataclass(frozen=True)
class Live:
    """A job as it is now: its parts as HTML, and what of it a browser has then seen."""

    job: Job
    found: Progress
    parts: Mapping[str, SafeString]
    mark: EventCursor
    changed: frozenset[int]
    judging: bool

    @property
    def every(self) -> int:
        """Seconds between two questions; 0 when there is nothing more to ask."""
        if self.job.status in Job.ENDED:
            return UNDER_WAY_SECONDS if self.judging else 0
        return PAUSED_SECONDS if self.job.status == Job.Status.PAUSED else UNDER_WAY_SECONDS

    @property
    def seen(self) -> str:
        """What a browser that has all this has seen."""
        return "-".join([str(self.mark), *(_digest(self.parts[name]) for name in PARTS)])

    @property
    def announced(self) -> str:
        """What a screen reader is told."""
        return figures.announced(self.found, self.job)


def answer(job: Job, user: User, seen: str, at: datetime) -> str:
    """What has changed since `seen`, asked of the database once a second for all who may do the
    same.
    """
    key = f"live {job.pk} {user.role} {seen}"
    with _asking:  # or all who wait for the same would ask at once
        made = cache.get_or_set(
            sha256(key.encode()).hexdigest(),
            lambda: str(fragment(live(job, user, seen, at), seen)),
            UNDER_WAY_SECONDS,
        )
    return str(made)


def live(job: Job, user: User, seen: str, at: datetime) -> Live:
    """Ask how a job stands. The mark first: what changes between the two questions is told again,
    not left out.
    """
    mark, changed = changed_since(job, EventCursor.parsed(seen.partition("-")[0]), at)
    job.refresh_from_db()
    found = progress(job, at)
    judging = is_pending(job, at)
    context = {
        "job": job,
        "found": found,
        "judging": judging,
        **_words(job, found, at),
        "buttons": buttons(job, found, user),
    }
    parts = {name: render_to_string(f"job/_{name}.html", context) for name in PARTS}
    return Live(job, found, parts, mark, frozenset(changed), judging)


def _words(job: Job, found: Progress, at: datetime) -> dict[str, Any]:
    return {
        "bars": figures.bars(found),
        "whole": figures.bar("all", found.counts),
        "rate": figures.rate(found),
        "time_left": figures.time_left(found, job),
        "stopping": figures.stopping(found, job),
        "heart": heartbeat(system(at)),
        "under_way": job.status not in Job.STOPPED,
        "polled": job.status not in Job.ENDED,
        "cause": stop_cause(job),
    }


def heartbeat(found: Mapping[str, Any]) -> dict[str, Any]:
    """Who works, and whether the sweep that finds lost work is on time; in steps, so that not every
    second is a change.
    """
    alive = [w for w in found["workers"] if w["alive"] and w["kind"] == "worker"]
    swept = found["swept_seconds_ago"]
    if swept is None:
        sweep = "has not run yet"
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
    """What has changed since `seen`, as HTML whose every element knows its place; empty when
    nothing has.
    """
    if seen == found.seen:
        return ""
    before = seen.split("-")[1:]
    known = dict(zip(PARTS, before, strict=False))
    parts = [
        _out_of_band(name, html)
        for name, html in found.parts.items()
        if known.get(name) != _digest(html)
    ]
    context = {"live": found, "job": found.job, "parts": parts, "cells": (), "outcome": None}
    # Both when a run has changed, and whenever the job has ended: then nobody asks again.
    if found.changed or not found.every:
        context |= _of_runs(found) | to_look_at(found.job)
    return render_to_string("job/_changes.html", context)


def to_look_at(job: Job) -> dict[str, Any]:
    """The Findings about an ended job's dates, and the seasons that were not judged since."""
    findings, not_judged = findings_about(job)
    return {
        "findings": [(f, reverse("finding", args=[f.pk])) for f in findings],
        "seasons_not_judged": not_judged,
    }


def _of_runs(found: Live) -> dict[str, Any]:
    """The cells that have changed, and the failures as they are now."""
    runs = own_runs(found.job)
    # The judgement, which comes last, may change how every cell is to be taken.
    verdicts = {} if found.every else verdicts_of(runs)
    changed: Sequence[JobRun] = [r for r in runs if not found.every or r.pk in found.changed]
    dates = list(dict.fromkeys(r.date for r in runs))
    cells = figures.changed_cells(found.job, changed, verdicts, dates)
    return {"cells": cells, "outcome": job_outcome(runs, verdicts), "swapped": True}


def _out_of_band(name: str, html: SafeString) -> SafeString:
    """A part that replaces the one that is shown, wherever that stands."""
    return SafeString(html.replace(f'id="job-{name}"', f'id="job-{name}" hx-swap-oob="morph"', 1))


def _digest(html: str) -> str:
    return f"{crc32(html.encode()):08x}"
