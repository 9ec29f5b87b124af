"""`manage.py runs DATE`: every run of a date, by all jobs, and what happened to each."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand, iso_date
from backfill.cli.tables import table
from backfill.models import Run
from backfill.processors.registry import processor


class Command(VerbCommand):
    """Lists the runs of a date."""

    help = "List every run of a date, by all jobs, the newest last, with its attempts, checks and reasons."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which date."""
        parser.add_argument("date", type=iso_date, metavar="DATE", help="YYYY-MM-DD")
        parser.add_argument("--processor", metavar="P", help="only this one, by code or name")

    def run(self, **given: Any) -> int:
        """Show them."""
        runs = (
            Run.objects.filter(date=given["date"])
            .order_by("job_id", "pk")
            .prefetch_related("events")
        )
        if given["processor"]:
            runs = runs.filter(processor=processor(given["processor"]).code)
        found = [_run(run) for run in runs]
        self.emit(
            {"date": given["date"], "runs": found},
            _text(found) or f"nothing has run for {given['date']} yet",
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


def _text(found: list[dict[str, Any]]) -> str:
    shown = ("job", "processor", "status", "population", "rows", "code_version", "sql_hash", "why")
    parts = (
        [
            table(
                [
                    {"job": str(run["job"]), **{name: run[name] for name in shown[1:]}}
                    for run in found
                ]
            )
        ]
        if found
        else []
    )
    for run in found:
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


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
