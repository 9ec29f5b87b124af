"""Which failures a retry is about."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from backfill.errors import Refused
from backfill.models import Job
from backfill.plan.planning import Key
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


@dataclass(frozen=True)
class Selection:
    """Of a job's failures, those that have all that is named; what is left empty takes all.

    `categories` are also classes of errors, `blocked` and `cancelled`; `groups` ids of error
    groups; `weeks` season
    weeks. `include_expected` takes those too that no retry heals, `override` those that only a fix
    does.
    """

    processors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    weeks: tuple[int, ...] = ()
    include_expected: bool = False
    override: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be meant. Raises Refused with one sentence."""
        if unknown := [code for code in self.processors if code not in CHAIN]:
            raise Refused(unknown_processor(unknown[0]))
        if self.start and self.end and self.end < self.start:
            raise Refused(f"the end {self.end} lies before the start {self.start}")
        if wrong := [week for week in self.weeks if not 1 <= week <= MAX_WEEK]:
            raise Refused(f"a season has weeks 1 to {MAX_WEEK}, not {wrong[0]}")

    def keys(self, job: Job, standing: JobFailures, calendar: Calendar) -> set[Key]:
        """The job's (processor, date) that it names. Raises Refused when the job has none of what
        is named.
        """
        options = job.parsed_options
        if strange := [code for code in self.processors if code not in options.processors]:
            raise Refused(
                f"job {job.pk} is not about {strange[0]}; it has {', '.join(options.processors)}"
            )
        week_of = {day: calendar.day(day).week for _, day in standing.own}
        weeks = {week for week in week_of.values() if week}
        if self.weeks and not weeks & set(self.weeks):
            there = f"weeks {min(weeks)} to {max(weeks)}" if weeks else "no date of a season"
            raise Refused(f"job {job.pk} has no date in week {self.weeks[0]}; it has {there}")
        return {
            (code, day)
            for code, day in standing.own
            if (not self.processors or code in self.processors)
            and (not self.start or day >= self.start)
            and (not self.end or day <= self.end)
            and (not self.weeks or week_of[day] in self.weeks)
        }

    def check_categories(self, job: Job, standing: JobFailures) -> None:
        """Raise Refused for a category that exists nowhere."""
        there = {
            what
            for run in (*standing.own.values(), *standing.deciding.values())
            for what in failures_with(run)
        }
        if unknown := sorted(set(self.categories) - there - set(KNOWN)):
            found = (
                f"what is wrong in job {job.pk} is {', '.join(sorted(there))}"
                if there
                else f"job {job.pk} has no failure"
            )
            raise Refused(f"{unknown[0]!r} is no category; {found}")

    def chosen(self, failures: Sequence[Failure], job: Job, standing: JobFailures) -> list[Failure]:
        """The failures of the categories and the groups that it names. Raises Refused for a group
        that is not there.
        """
        of_category = [f for f in failures if not self.categories or f.what in self.categories]
        if not self.groups:
            return of_category
        found = {group.id: group for group in error_groups.groups_of(standing.deciding)}
        if unknown := [name for name in self.groups if name not in found]:
            raise Refused(f"job {job.pk} has no error group {unknown[0]!r} now; {_listed(found)}")
        members = {(key, found[name].what) for name in self.groups for key in found[name].keys}
        return [f for f in of_category if (f.key, f.what) in members]


def _listed(found: Collection[str]) -> str:
    return f"it has {', '.join(found)}" if found else "it has none"


def parse_weeks(text: str) -> tuple[int, ...]:
    """Season weeks as people write them: 5, or 5-8. Raises Refused."""
    if not (match := re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", text)):
        raise Refused(f"{text!r} is no week; write 5, or 5-8")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise Refused(f"{text!r} ends before it starts")
    return tuple(range(first, last + 1))
