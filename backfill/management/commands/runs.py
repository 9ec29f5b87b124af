"""`manage.py runs DATE`: list every run of a date with its events and checks."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand, iso_date
from backfill.cli.tables import table
from backfill.models import Run
from backfill.processors.registry import processor


class Command(VerbCommand):
    """List the runs of a date."""

    help = (
        "List every run of a date, of all jobs, newest last, with its events, checks and reasons."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the date and --processor."""
        parser.add_argument("date", type=iso_date, metavar="DATE", help="date, YYYY-MM-DD")
        parser.add_argument("--processor", metavar="P", help="only this processor, by code or name")

    def run(self, **given: Any) -> int:
        """Print the runs."""
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


def _run(run: Run) -> dict[str, Any]:
    return {
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
        parts.append(f"\njob {run['job']}, {run['processor']}:")
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
