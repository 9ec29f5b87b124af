"""A launch as a JSON document."""

from __future__ import annotations

from typing import Any

from backfill.models import Launch


def launch_document(kept: Launch) -> dict[str, Any]:
    """Return a launch."""
    return {
        "launch": kept.pk,
        "name": kept.name,
        "state": kept.state,
        "who": kept.actor,
        "created_at": kept.created_at,
        "start_at": kept.start_at,
        "needs_approval": kept.needs_approval,
        "approved_by": kept.approved_by,
        "said": kept.outcome_message,
        "options": kept.options,
        "job": kept.job_id,
    }
