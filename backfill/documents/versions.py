"""Documents of versions and undos, for the shell and the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from backfill.jobs.undo import Undo
from backfill.versions.history import KeptVersion


def version_document(version: KeptVersion) -> dict[str, Any]:
    """Return a version with the run that made it."""
    run = version.run
    return {
        "processor": version.processor,
        "date": version.date,
        "version": version.name,
        "token": version.token,
        "live": version.is_live,
        "replaced_at": version.replaced_at,
        "run": run and run.run_id,
        "job": run and run.job_id,
        "who": run and run.job.actor,
        "made_at": run and run.finished_at,
        "status": run and run.status,
        "rows": run and run.rows,
        "failed": version.failed if run else None,
        "sql_hash": run and run.sql_hash,
        "code_version": run and run.code_version,
    }


def undo_document(found: Undo) -> dict[str, Any]:
    """Return what an undo restores and leaves, with the runs that become stale."""
    return {
        "undo_of": found.undo_of and found.undo_of.pk,
        "restores": [
            {"processor": code, "date": day, "token": token}
            for (code, day), token in sorted(found.restores.items(), key=lambda item: item[0])
        ],
        "left": [
            {"processor": one.run.processor, "date": one.run.date, "reason": one.reason}
            for one in found.left
        ],
        "stale": _keys(found.stale),
    }


def _keys(keys: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [{"processor": code, "date": day} for code, day in keys]
