"""`manage.py runs DATE | RUN`: list every run of a date, or show one run and its log."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from backfill.cli.base import OK, VerbCommand, iso_date
from backfill.cli.tables import table
from backfill.documents.run import log_document, run_document
from backfill.errors import Refused
from backfill.models import Run, StepLog
from backfill.processors.registry import processor
from backfill.status.run.log import LogFilter, as_text


def date_or_run(text: str) -> date | str:
    """Return a date, or the text of a run: its ID or its number."""
    return iso_date(text) if "-" in text else text


class Command(VerbCommand):
    """List the runs of a date, or show one run."""

    help = (
        "List every run of a date, of all jobs, newest last, with its events, checks and reasons;"
        " or show one run by its ID or number, with --log its log."
    )
    example = "runs 3f9c01ab --log"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the date or run, --processor and the options of the log."""
        parser.add_argument(
            "date",
            type=date_or_run,
            metavar="DATE|RUN",
            help="date, YYYY-MM-DD; or a run, by its ID (8 hex digits) or its number",
        )
        parser.add_argument("--processor", metavar="P", help="only this processor, by code or name")
        parser.add_argument("--log", action="store_true", help="print the log of the run")
        parser.add_argument(
            "--text", default="", metavar="T", help="with --log: only lines with this text"
        )
        parser.add_argument(
            "--all-dates", action="store_true", help="with --log: also other dates of the step"
        )

    def run(self, **given: Any) -> int:
        """Print the runs, or the run."""
        if isinstance(given["date"], str):
            return self._one(find_run(given["date"]), **given)
        if given["log"]:
            raise Refused("--log takes a run, not a date; `runs DATE` lists the runs of a date")
        runs = (
            Run.objects.filter(date=given["date"])
            .order_by("job_id", "pk")
            .prefetch_related("events")
        )
        if given["processor"]:
            runs = runs.filter(processor=processor(given["processor"]).code)
        documents = [_run(run) for run in runs]
        self.emit(
            {"date": given["date"], "runs": documents},
            _text(documents) or f"no runs for {given['date']} yet",
        )
        return OK

    def _one(self, run: Run, **given: Any) -> int:
        if given["log"]:
            chosen = LogFilter(text=given["text"], every_date=given["all_dates"])
            logs = StepLog.objects.of(run)
            self.emit(log_document(run, logs, chosen), as_text(run, logs, chosen).rstrip())
            return OK
        document = run_document(run, now())
        self.emit(document, _one_text(document))
        return OK


def find_run(text: str) -> Run:
    """Return the newest run with this ID, else the run with this number. Raises Refused."""
    runs = Run.objects.select_related("job")
    found = runs.filter(run_id=text.lower()).order_by("-pk").first()
    if not found and text.isascii() and text.isdigit() and len(text) < 16:
        found = runs.filter(pk=int(text)).first()
    if not found:
        raise Refused(f"run {text!r} does not exist; `runs DATE` lists the runs of a date")
    return found


def _one_text(run: dict[str, Any]) -> str:
    """Return the facts of a run, its failures, attempts and events."""
    usual = f", usually {run['usual_seconds']:.3f} s" if run["usual_of_runs"] else ""
    seconds = "–" if run["seconds"] is None else f"{run['seconds']:.3f} s{usual}"
    facts = {
        "run": f"{run['run_id']} (number {run['run']}), job {run['job']}, batch {run['batch']}",
        "of": f"{run['processor']} {run['date']}",
        "status": f"{run['status']}{_because(run['reason'])}",
        "duration": seconds,
        "rows": f"{run['rows']} of {run['population']}",
        "worker": run["worker"],
        "SQL": f"{run['sql_hash']}{'' if run['sql_is_current'] else ' (the code has another now)'}",
        "findings": ", ".join(map(str, run["findings"])),
    }
    parts = [f"{name}: {value}" for name, value in facts.items() if value]
    parts += [
        f"  {f['entities']} {f['category']}"
        + ("" if f["expected"] is None else f", {f['expected']} expected")
        for f in run["failures"]
    ]
    names = ("job", "state", "worker", "started_at")
    rows = [{name: str(a[name] or "") for name in names} for a in run["attempts"]]
    parts += ["", table(rows)] if rows else []
    parts += [
        f"  {e['at']:%Y-%m-%d %H:%M:%S} {e['action']} by {e['actor']}{_because(e['reason'])}"
        for e in run["events"]
    ]
    return "\n".join(parts)


def _run(run: Run) -> dict[str, Any]:
    return {
        "run": run.pk,
        "run_id": run.run_id,
        "job": run.job_id,
        "processor": run.processor,
        "status": run.status,
        "why": run.reason,
        "population": run.population,
        "rows": run.rows,
        "failures": run.failures,
        "query_seconds": run.query_seconds,
        "write_seconds": run.write_seconds,
        "checks": run.checks,
        "code_version": run.code_version,
        "sql_hash": run.sql_hash,
        "worker": run.worker,
        "lost_attempts": run.losses,
        "events": [
            {"at": e.at, "who": e.actor, "what": e.action, "why": e.reason}
            for e in run.events.all()
        ],
    }


def _text(runs: list[dict[str, Any]]) -> str:
    parts = [table([_row(run) for run in runs])] if runs else []
    for run in runs:
        parts.append(f"\nrun {run['run_id']}, job {run['job']}, {run['processor']}:")
        parts += [
            f"  {e['at']:%Y-%m-%d %H:%M:%S} {e['what']} by {e['who']}{_because(e['why'])}"
            for e in run["events"]
        ]
        parts += [
            f"  {c['name']}: {c['status']} in {c['seconds']:.3f} s{_because(c['why'])}"
            for c in run["checks"]
        ]
    return "\n".join(parts)


def _row(run: dict[str, Any]) -> dict[str, Any]:
    names = ("processor", "status", "population", "rows", "code_version", "sql_hash")
    return {"job": str(run["job"]), **{name: run[name] for name in names}, "reason": run["why"]}


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
