"""The shell command that starts what a form starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from shlex import quote
from typing import Any

from backfill.plan.date_lists import format_dates
from backfill.plan.options import Options
from backfill.plan.retry_selection import Selection

FLAGS = ("failed", "force", "outdated", "skip_preflight", "skip_trigger", "newest_first")
VALUES = ("mode", "batch_size", "parallel", "max_retries", "reason")
NEGATED = ("canary", "brake")


def command(options: Options) -> str:
    """The very command that starts these options; what is as it is by default is left out."""
    return " ".join(["manage.py backfill", *_dates(options), *_others(options)])


def retry_command(job: int, chosen: Selection, reason: str = "") -> str:
    """The very command that retries these failures of a job."""
    lists = {"processors": chosen.processors, "category": chosen.categories, "group": chosen.groups}
    weeks = [str(week) for week in chosen.weeks]
    values = {
        "start": chosen.start,
        "end": chosen.end,
        "week": "-".join(dict.fromkeys(weeks[:1] + weeks[-1:])),
        "reason": reason,
    }
    return " ".join(
        [
            f"manage.py retry {job}",
            *(f"--{name}={quote(','.join(given))}" for name, given in lists.items() if given),
            *(f"--{name}={quote(str(given))}" for name, given in values.items() if given),
            *(_option(name) for name in ("include_expected", "override") if getattr(chosen, name)),
        ]
    )


def _dates(options: Options) -> Iterator[str]:
    if options.dates:
        yield f"--dates {quote(format_dates(options.dates))}"
    else:
        yield f"--start {options.start} --end {options.end}"


def _others(options: Options) -> Iterator[str]:
    usual: dict[str, Any] = {field.name: field.default for field in fields(Options)}
    changed = {
        name: value
        for name, default in usual.items()
        if (value := getattr(options, name)) != default
    }
    if "processors" in changed:
        yield f"--processors {','.join(options.processors)}"
    yield from (_option(name) for name in FLAGS if name in changed)
    yield from (f"--no-{name}" for name in NEGATED if name in changed)
    # With "=": a reason may begin with a dash.
    yield from (
        f"{_option(name)}={quote(str(changed[name]))}" for name in VALUES if name in changed
    )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
