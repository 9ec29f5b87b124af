"""Presets and scheduled launches on the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from shlex import quote
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand
from backfill.cli.confirm import confirming
from backfill.errors import Refused
from backfill.models import Launch
from backfill.plan.options import Options


def moment(text: str) -> datetime:
    """Parse a date and time of the command line; UTC without an offset. Raises Refused."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is not a time; write it in UTC as 'YYYY-MM-DD HH:MM'") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def add_keeping(parser: CommandParser) -> None:
    """Add --at, --preset, --save-preset and --replace."""
    parser.add_argument(
        "--at",
        type=moment,
        metavar="TIME",
        help="schedule the start for this time in UTC: 'YYYY-MM-DD HH:MM'",
    )
    parser.add_argument("--preset", metavar="NAME", help="use the options of this preset")
    parser.add_argument(
        "--save-preset", metavar="NAME", help="save these options as a preset; start nothing"
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="replace a preset of the same name; --save-preset only",
    )


def keep(verb: VerbCommand, options: Options, given: dict[str, Any]) -> int:
    """Save a preset or schedule a launch. Raises Refused."""
    from backfill.documents.launch import launch_document
    from backfill.jobs.launches import launch_backfill, save_preset

    if given["replace"] and given["save_preset"] is None:
        raise Refused("--replace needs --save-preset")
    if given["inline"] or given["wait"]:
        raise Refused("--at and --save-preset start nothing now; remove --inline and --wait")
    if given["at"] and given["save_preset"] is not None:
        raise Refused("use --save-preset or --at, not both")
    if given["save_preset"] is not None:
        kept = save_preset(given["save_preset"], options, verb.actor, replace=given["replace"])
        verb.emit(
            launch_document(kept),
            f"preset {kept.name!r} saved; `manage.py backfill --preset {quote(kept.name)}` starts it",
        )
        return OK
    later = launch_backfill(
        options, verb.actor, start_at=given["at"], exempt=True, confirm=confirming(given)
    )
    if isinstance(later, Launch):
        verb.emit(
            launch_document(later),
            f"{later} scheduled for {at_text(later.start_at)}; `manage.py launches` lists it",
        )
    return OK


def at_text(at: datetime | None) -> str:
    """Write a time in UTC; without a time, the start is immediate."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "now"


def line(kept: Launch) -> dict[str, Any]:
    """Return a launch as a row of the list."""
    options = kept.parsed_options
    return {
        "launch": str(kept.pk),
        "state": kept.state,
        "dates": options.span,
        "processors": ",".join(options.processors),
        "triggered by": kept.actor,
        "waits for": _waits_for(kept) or "-",
        "job": str(kept.job_id or "-"),
        "note": kept.name or kept.outcome_message,
    }


def _waits_for(kept: Launch) -> str:
    if kept.state != Launch.State.WAITING:
        return ""
    approval = (
        f"approval ({kept.needs_approval})" if kept.needs_approval and not kept.approved_by else ""
    )
    return (
        "; ".join(filter(None, [approval, at_text(kept.start_at) if kept.start_at else ""]))
        or "the next sweep"
    )
