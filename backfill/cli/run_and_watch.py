"""What the verbs that start a job share: here or by the workers, watched or not, and what is said
at the end.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from backfill.audit.marking import audit_due
from backfill.cli.base import FAILED, OK, VerbCommand
from backfill.cli.progress_bar import shown, telling, watch
from backfill.documents.job import job_text
from backfill.documents.preflight import report_document, warning_lines
from backfill.errors import Refused
from backfill.execution import heartbeat
from backfill.execution.inline import run_inline
from backfill.jobs.start import Tell
from backfill.models import Job, Run, Worker
from backfill.notify import messages
from backfill.processors.registry import processor
from backfill.status.job_summary import summarise
from validation.preflight_report import Report

NO_WORKER = "no worker is running; start one with bin/up, or add --inline to run it in this process"
# By whom, whether in this process, and who hears of the preflight; None when there is nothing to
# start.
Start = Callable[[str, bool, Tell], Job | None]


def add_where(parser: CommandParser) -> None:
    """Where a job runs and whether one waits for it."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--inline", action="store_true", help="run everything in this process, without workers"
    )
    where.add_argument(
        "--wait", action="store_true", help="watch the workers until the job has ended or paused"
    )


def listed(text: str | None, option: str) -> list[str]:
    """The words of a comma-separated option; none when it is not given. Raises Refused when it is
    given and empty.
    """
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    if text is not None and not words:
        raise Refused(f"{option} names none; leave it out to run all")
    return words


def codes(names: list[str]) -> tuple[str, ...]:
    """The processors of these names. Raises Refused."""
    return tuple(processor(name).code for name in names)


def launch(verb: VerbCommand, start: Start, given: dict[str, Any]) -> int | None:
    """Start a job where the command line says and see it through as far as it says; None when there
    was none to start.
    """
    if given["wait"] and not Worker.alive(now()):
        raise Refused(NO_WORKER)
    if given["inline"]:
        with heartbeat.beating(Worker.Kind.INLINE):
            return _inline(verb, start)
    return _by_workers(verb, start, wait=given["wait"])


def _inline(verb: VerbCommand, start: Start) -> int | None:
    actor = getpass.getuser()
    heard: list[Report] = []
    job = start(actor, True, heard.append)
    if job is None:
        return None
    with shown(quiet=verb.json) as display:
        run_inline(job, actor, telling(display, job.runs.filter(status=Run.Status.PENDING).count()))
    audit_due()
    messages.notify(now())
    return report(verb, job, heard)


def _by_workers(verb: VerbCommand, start: Start, *, wait: bool) -> int | None:
    heard: list[Report] = []
    job = start(getpass.getuser(), False, heard.append)
    if job is None:
        return None
    if wait:
        return _watch(verb, job, heard)
    workers = len(Worker.alive(now()))
    text = "" if workers else "; no worker is running, so it waits until bin/up starts one"
    document = {"job": job.pk, "status": job.status, "workers": workers}
    _answer(
        verb,
        job,
        document,
        f"job {job.pk} queued for the workers{text}; `manage.py jobs {job.pk}` shows it",
        heard,
    )
    return OK


def _watch(verb: VerbCommand, job: Job, heard: Sequence[Report]) -> int:
    try:
        with shown(quiet=verb.json) as display:
            watch(job, display)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"job {job.pk} goes on without being watched; `manage.py jobs {job.pk}` shows it"
        ) from None
    return report(verb, job, heard)


def report(verb: VerbCommand, job: Job, heard: Sequence[Report]) -> int:
    """Say how a job ended, and what the preflight had warned of; that of a job that was gone on
    with has not been heard.
    """
    summary = summarise(job)
    _answer(verb, job, summary, job_text(summary), heard)
    return OK if job.status == Job.Status.SUCCEEDED else FAILED


def _answer(
    verb: VerbCommand, job: Job, document: dict[str, Any], text: str, heard: Sequence[Report]
) -> None:
    found = heard[0] if heard else None
    told = {"preflight": report_document(found) if found else None}
    verb.emit(document | told, "\n".join([text, *warning_lines(found, job.parsed_options)]))
