"""What the shell does with launches that are kept: presets, those for later, those that wait for a
second person.
"""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from shlex import quote
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand
from backfill.errors import Refused
from backfill.jobs.launches import launch_backfill, save_preset
from backfill.models import Job, Launch
from backfill.plan.options import Options


def moment(text: str) -> datetime:
    """A date and time of the command line, in UTC unless it says otherwise. Raises Refused."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is no time; write it as 'YYYY-MM-DD HH:MM', in UTC") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def add_keeping(parser: CommandParser) -> None:
    """Under which name, or until when, a launch is kept."""
    parser.add_argument(
        "--at", type=moment, metavar="TIME", help="start then, not now: 'YYYY-MM-DD HH:MM', in UTC"
    )
    parser.add_argument(
        "--preset", metavar="NAME", help="the options that were saved under this name"
    )
    parser.add_argument(
        "--save-preset", metavar="NAME", help="save these options under a name; start nothing"
    )
    parser.add_argument(
        "--replace", action="store_true", help="save also where there is a preset of that name"
    )


def keep(verb: VerbCommand, options: Options, given: dict[str, Any]) -> int:
    """Save a preset, or keep a launch for later. Raises Refused."""
    if given["replace"] and given["save_preset"] is None:
        raise Refused("--replace belongs to --save-preset")
    if given["inline"] or given["wait"]:
        raise Refused("what is kept does not run here; leave out --inline and --wait")
    if given["at"] and given["save_preset"] is not None:
        raise Refused("save a preset or start it later, not both: --save-preset, or --at")
    if given["save_preset"] is not None:
        kept = save_preset(
            given["save_preset"], options, getpass.getuser(), replace=given["replace"]
        )
        verb.emit(
            document(kept),
            f"saved {kept.name!r}; `manage.py backfill --preset {quote(kept.name)}` starts it",
        )
        return OK
    later = launch_backfill(options, getpass.getuser(), start_at=given["at"], exempt=True)
    if isinstance(later, Launch):
        verb.emit(
            document(later),
            f"{later} starts at {at_text(later.start_at)}; `manage.py launches` lists it",
        )
    return OK


def document(kept: Launch) -> dict[str, Any]:
    """A launch as one document."""
    job: Job | None = kept.job
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
        "job": job and job.pk,
    }


def at_text(at: datetime | None) -> str:
    """A moment for a person."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "once"


def line(kept: Launch) -> dict[str, Any]:
    """A launch as a row of the list."""
    options = kept.parsed_options
    return {
        "launch": str(kept.pk),
        "state": kept.state,
        "dates": options.span,
        "processors": ",".join(options.processors),
        "who": kept.actor,
        "waits for": _waits_for(kept) or "-",
        "job": str(kept.job_id or "-"),
        "note": kept.name or kept.outcome_message,
    }


def _waits_for(kept: Launch) -> str:
    if kept.state != Launch.State.WAITING:
        return ""
    person = (
        f"a second person ({kept.needs_approval})"
        if kept.needs_approval and not kept.approved_by
        else ""
    )
    return (
        "; ".join(filter(None, [person, at_text(kept.start_at) if kept.start_at else ""]))
        or "the next sweep"
    )
