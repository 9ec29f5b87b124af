"""Start a job inline or on the workers, watch it, and report its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from django.core.management.base import CommandParser
from django.utils.timezone import now

from backfill.cli.base import FAILED, OK, VerbCommand
from backfill.cli.confirm import confirming
from backfill.cli.progress_bar import shown, updating, watch
from backfill.errors import Refused
from backfill.models import Job, Run, Worker
from backfill.processors.registry import processor

if TYPE_CHECKING:
    from backfill.jobs.start import Confirm, Preview

NO_WORKER = "no worker is running; start one with bin/up, or add --inline to run it in this process"
# By whom, whether in this process, and the confirmation of its plan; None when there is nothing to
# start.
Start: TypeAlias = "Callable[[str, bool, Confirm], Job | None]"


def add_where(parser: CommandParser) -> None:
    """Add --inline and --wait."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--inline", action="store_true", help="run in this process, without workers")
    where.add_argument(
        "--wait", action="store_true", help="show progress until the job ends or pauses"
    )


def listed(text: str | None, option: str) -> list[str]:
    """Split a comma-separated option; empty without the option. Raises Refused for an empty one."""
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    if text is not None and not words:
        raise Refused(f"{option} is empty; leave it out to select all")
    return words


def codes(names: list[str]) -> tuple[str, ...]:
    """Return the codes of processors given by code or name. Raises Refused."""
    return tuple(processor(name).code for name in names)


def launch(verb: VerbCommand, start: Start, given: dict[str, Any]) -> int | None:
    """Start a job as --inline and --wait select; return None when there is nothing to run."""
    from backfill.execution import heartbeat

    if given["wait"] and not Worker.alive(now()):
        raise Refused(NO_WORKER)
    if given["inline"]:
        with heartbeat.beating(Worker.Kind.INLINE):
            return _inline(verb, start, given)
    return _by_workers(verb, start, given)


def _inline(verb: VerbCommand, start: Start, given: dict[str, Any]) -> int | None:
    from backfill.audit.marking import audit_due, reading_ahead
    from backfill.execution.inline import run_inline
    from backfill.notify import messages

    actor = verb.actor
    heard: list[Preview] = []
    job = start(actor, True, confirming(given, heard))
    if job is None:
        return None
    with shown(quiet=verb.json) as display, reading_ahead(job):
        run_inline(
            job, actor, updating(display, job.runs.filter(status=Run.Status.PENDING).count())
        )
    audit_due()
    messages.notify(now())
    return report(verb, job, heard)


def _by_workers(verb: VerbCommand, start: Start, given: dict[str, Any]) -> int | None:
    heard: list[Preview] = []
    job = start(verb.actor, False, confirming(given, heard))
    if job is None:
        return None
    if given["wait"]:
        return _watch(verb, job, heard)
    workers = len(Worker.alive(now()))
    text = "" if workers else "; no worker is running: start one with bin/up"
    document = {"job": job.pk, "status": job.status, "workers": workers}
    _answer(
        verb,
        job,
        document,
        f"job {job.pk} queued{text}; `manage.py jobs {job.pk}` shows it",
        heard,
    )
    return OK


def _watch(verb: VerbCommand, job: Job, heard: Sequence[Preview]) -> int:
    try:
        with shown(quiet=verb.json) as display:
            watch(job, display)
    except KeyboardInterrupt:
        how = "continues on the workers"
        if not Worker.alive(now()):
            how = "waits for workers, none is running; it continues after bin/up"
        raise KeyboardInterrupt(f"job {job.pk} {how}; `manage.py jobs {job.pk}` shows it") from None
    return report(verb, job, heard)


def report(verb: VerbCommand, job: Job, heard: Sequence[Preview]) -> int:
    """Print the result of a job and the preflight warnings; a resumed job has no preflight."""
    from backfill.cli.job_text import job_text
    from backfill.status.job_summary import summarize

    summary = summarize(job)
    _answer(verb, job, summary, job_text(summary), heard)
    return OK if job.status == Job.Status.SUCCEEDED else FAILED


def _answer(
    verb: VerbCommand, job: Job, document: dict[str, Any], text: str, heard: Sequence[Preview]
) -> None:
    from backfill.cli.plan_text import warning_lines
    from backfill.documents.preflight import report_document

    checked = heard[0].report if heard else None
    preflight = {"preflight": report_document(checked) if checked else None}
    verb.emit(document | preflight, "\n".join([text, *warning_lines(checked, job.parsed_options)]))
