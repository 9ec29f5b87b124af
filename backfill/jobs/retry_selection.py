"""Selection of a job's failures for a retry."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from shlex import quote

from backfill.errors import Refused
from backfill.models import Job, Key
from backfill.plan.cells import format_cells, parse_cells
from backfill.processors.registry import CHAIN, unknown_processor
from backfill.status import error_groups
from backfill.status.failures import Failure, JobFailures, failures_with
from validation.categories import BY_NAME, DATE_LEVEL
from validation.retry import BLOCKED, CANCELLED, CORRUPT, LOST, PASSING
from validation.season import Calendar

MAX_WEEK = 53
KNOWN = (
    *BY_NAME,
    DATE_LEVEL,
    BLOCKED,
    CANCELLED,
    LOST,
    CORRUPT,
    *PASSING,
    "StatementFailed",
    "AccountingError",
)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Filters on a job's failures, combined with AND; an empty filter selects all.

    `categories` also accepts error classes, `blocked` and `cancelled`; `groups` are ids of error
    groups, `weeks` season weeks, `cells` cells of the grid as text. `include_expected` adds expected failures, `override` adds
    failures that need a fix first.
    """

    processors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    weeks: tuple[int, ...] = ()
    cells: str = ""
    include_expected: bool = False
    override: bool = False

    def __post_init__(self) -> None:
        """Validate all filters. Raises Refused with one sentence."""
        if unknown := [code for code in self.processors if code not in CHAIN]:
            raise Refused(unknown_processor(unknown[0]))
        if self.start and self.end and self.end < self.start:
            raise Refused(
                f"the last date {self.end} is before the first date {self.start}; swap them"
            )
        parse_cells(self.cells)
        if wrong := [week for week in self.weeks if not 1 <= week <= MAX_WEEK]:
            raise Refused(f"a season has weeks 1 to {MAX_WEEK}, not {wrong[0]}")

    def keys(self, job: Job, standing: JobFailures, calendar: Calendar) -> set[Key]:
        """Return the selected keys of the job.

        Raises Refused for a processor or a week that the job does not have.
        """
        options = job.parsed_options
        if strange := [code for code in self.processors if code not in options.processors]:
            raise Refused(
                f"job {job.pk} did not run {strange[0]}; "
                f"choose from {', '.join(options.processors)}"
            )
        week_of = {day: calendar.day(day).week for _, day in standing.own}
        weeks = {week for week in week_of.values() if week}
        if self.weeks and not weeks & set(self.weeks):
            actual = f"weeks {min(weeks)} to {max(weeks)}" if weeks else "no season dates"
            raise Refused(f"job {job.pk} has no date in week {self.weeks[0]}; it has {actual}")
        cells = set(parse_cells(self.cells))
        return {
            (code, day)
            for code, day in standing.own
            if (not self.cells or (code, day) in cells)
            and (not self.processors or code in self.processors)
            and (not self.start or day >= self.start)
            and (not self.end or day <= self.end)
            and (not self.weeks or week_of[day] in self.weeks)
        }

    def check_categories(self, job: Job, standing: JobFailures) -> None:
        """Raise Refused for an unknown category."""
        current = {
            what
            for run in (*standing.own.values(), *standing.deciding.values())
            for what in failures_with(run)
        }
        if unknown := sorted(set(self.categories) - current - set(KNOWN)):
            hint = (
                f"job {job.pk} has {', '.join(sorted(current))}"
                if current
                else f"job {job.pk} has no failures"
            )
            raise Refused(f"unknown category {unknown[0]!r}; {hint}")

    def chosen(self, failures: Sequence[Failure], job: Job, standing: JobFailures) -> list[Failure]:
        """Return the failures in the selected categories and groups.

        Raises Refused for a group that does not exist.
        """
        of_category = [f for f in failures if not self.categories or f.what in self.categories]
        if not self.groups:
            return of_category
        groups = {group.id: group for group in error_groups.groups_of(standing.deciding)}
        if unknown := [name for name in self.groups if name not in groups]:
            raise Refused(f"job {job.pk} has no error group {unknown[0]!r}; {_listed(groups)}")
        members = {(key, groups[name].what) for name in self.groups for key in groups[name].keys}
        return [f for f in of_category if (f.key, f.what) in members]


def _listed(groups: Collection[str]) -> str:
    return f"choose from {', '.join(groups)}" if groups else "it has no error groups"


def parse_weeks(text: str) -> tuple[int, ...]:
    """Parse season weeks, written as 5 or 5-8. Raises Refused."""
    if not (match := re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", text)):
        raise Refused(f"{text!r} is not a week; write 5, or 5-8")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise Refused(f"{text!r} ends before it starts; write the earlier week first")
    return tuple(range(first, last + 1))


def retry_command(job: int, chosen: Selection, reason: str = "") -> str:
    """Return the shell command of this retry."""
    lists = {"processors": chosen.processors, "category": chosen.categories, "group": chosen.groups}
    weeks = [str(week) for week in chosen.weeks]
    values = {
        "start": chosen.start,
        "end": chosen.end,
        "week": "-".join(dict.fromkeys(weeks[:1] + weeks[-1:])),
        "cells": chosen.cells and format_cells(parse_cells(chosen.cells)),
        "reason": reason,
    }
    return " ".join(
        [
            f"manage.py retry {job}",
            *(f"--{name}={quote(','.join(given))}" for name, given in lists.items() if given),
            *(f"--{name}={quote(str(given))}" for name, given in values.items() if given),
            *(["--include-expected"] if chosen.include_expected else []),
            *(["--override"] if chosen.override else []),
        ]
    )
