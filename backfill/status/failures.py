"""What is wrong with a job's (processor, date) as they stand now, with the facts that say whether a
retry heals it.

The newest run of each (processor, date) among all jobs counts: what a later job healed is no
failure any more. A fixed
number of queries, however many dates there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

from backfill.models import Job, Run
from backfill.models.run import LONG_AGO
from backfill.plan import input_signatures
from backfill.plan.planning import Key
from backfill.processors.registry import BY_NAME as PROCESSOR_BY_NAME
from backfill.processors.registry import PROCESSORS
from backfill.processors.render import sql_hash
from backfill.season_calendar import written_dates
from backfill.status.upstream_causes import causes
from backfill.version import code_version
from backfill.warehouse.tables import FAILURES
from validation.categories import BY_NAME, DATE_LEVEL, MISSING_DEPENDENCY
from validation.retry import (
    BLOCKED,
    CANCELLED,
    CORRUPT,
    LOST,
    FailureFacts,
    RetryVerdict,
    UpstreamRuns,
    verdict,
)

MAKERS = {str(p.output): p for p in PROCESSORS.values()}
SUCCEEDED = (Run.Status.COMPLETE, Run.Status.SKIPPED)


@dataclass(frozen=True)
class Failure:
    """One thing wrong with a (processor, date): a category with its entities, or the run itself
    with none.
    """

    processor: str
    date: date
    what: str
    entities: int
    verdict: RetryVerdict

    @property
    def key(self) -> Key:
        """What it is of."""
        return self.processor, self.date

    def __str__(self) -> str:
        return f"{self.entities:,} {self.what}" if self.entities else self.what


def failures_with(run: Run) -> dict[str, int]:
    """What is wrong with a run: categories with their entities, and the class of its error with
    none.
    """
    of_run = {
        Run.Status.CANCELLED: CANCELLED,
        Run.Status.BLOCKED: BLOCKED,
        Run.Status.FAILED: run.error or DATE_LEVEL,
    }
    found = {of_run[Run.Status(run.status)]: 0} if run.status in of_run else {}
    return found | {name: n for name in BY_NAME if (n := run.failures.get(name, 0))}


class JobFailures:
    """Where the (processor, date) of a job stand now. `own` is what the job ran, not what it found
    complete and left alone;
    `deciding` are the runs that count.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.newest = Run.objects.deciding(job.parsed_options.start, job.parsed_options.end)
        self.own = {(r.processor, r.date): r for r in job.runs.own().order_by("date", "pk")}
        self.deciding = {
            key: found for key, run in self.own.items() if (found := self._deciding(run))
        }

    @cached_property
    def lost(self) -> set[Key]:
        """What is complete by its run and not there."""
        return lost(self.newest)

    def _deciding(self, run: Run) -> Run | None:
        """The newest decisive run; a cancelled one counts itself unless another job has made up for
        it since.
        """
        newest = self.newest.get((run.processor, run.date))
        if run.status != Run.Status.CANCELLED:
            return newest
        return newest if newest and (newest.started_at or LONG_AGO) > self.job.created_at else run

    def healed(self) -> Iterator[tuple[Run, str, Run]]:
        """What was wrong with the job's own runs and is no more: run, what, and the run that healed
        it.
        """
        for key, run in self.own.items():
            if (now := self.deciding.get(key)) and now.job_id != run.job_id:
                yield from (
                    (run, what, now)
                    for what in failures_with(run).keys() - failures_with(now).keys()
                )

    def failures(self, wanted: Collection[Key]) -> list[Failure]:
        """What is wrong with these now, in the order in which the job's runs are given."""
        runs = {key: run for key, run in self.deciding.items() if key in wanted}
        return failures_of(runs, self.newest, self.lost)


def failures_of(
    runs: Mapping[Key, Run], newest: Mapping[Key, Run], lost: Collection[Key]
) -> list[Failure]:
    """What is wrong with these runs, with the facts that `newest` and the warehouse give. Raises
    WarehouseError.
    """
    evidence = _Evidence(runs, newest, lost)
    return [
        Failure(*key, what, n, verdict(evidence.facts(run, what)))
        for key, run in runs.items()
        for what, n in (failures_with(run) | ({LOST: 0} if key in lost else {})).items()
    ]


class _Evidence:
    """What is asked of the warehouse once for all failures, and only when one of them needs it."""

    def __init__(
        self, runs: Mapping[Key, Run], newest: Mapping[Key, Run], lost: Collection[Key]
    ) -> None:
        self.runs, self.newest, self.lost = runs, newest, lost

    @cached_property
    def changed(self) -> Collection[Key]:
        """What would read other rows of Phase 3 now than it did."""
        return input_signatures.changes(
            r for r in self.runs.values() if r.status in (Run.Status.COMPLETE, Run.Status.FAILED)
        )

    @cached_property
    def causes(self) -> Mapping[Key, Mapping[str, int]]:
        days = {
            day for (_, day), run in self.runs.items() if run.failures.get(MISSING_DEPENDENCY.name)
        }
        return causes(
            days - {day for _, day in self.lost}
        )  # where a file is lost, everything waits for it

    def facts(self, run: Run, what: str) -> FailureFacts:
        upstream, waits_for = self._upstream(run)
        facts = FailureFacts(
            what, code_has_changed=_code_has_changed(run), upstream=upstream, waits_for=waits_for
        )
        if what not in BY_NAME and what != DATE_LEVEL:
            return facts
        missing = what == MISSING_DEPENDENCY.name
        return replace(
            facts,
            phase3_has_changed=(run.processor, run.date) in self.changed,
            refused_for_upstream=run.is_refused_for_upstream,
            causes=self.causes.get((run.processor, run.date), {}) if missing else {},
        )

    def _upstream(self, run: Run) -> tuple[UpstreamRuns, tuple[str, ...]]:
        """Where the newest runs stand of all that a run waits for, in this job or in any other; who
        is not complete.
        """
        found = {
            code: self.newest.get((code, run.date)) for code in PROCESSORS[run.processor].after
        }
        if waits_for := tuple(
            code for code, before in found.items() if not self._is_complete(before)
        ):
            return UpstreamRuns.NOT_COMPLETE, waits_for
        later = any(
            (before.started_at or LONG_AGO) > (run.started_at or LONG_AGO)
            for before in found.values()
            if before
        )
        return (UpstreamRuns.AFTER if later else UpstreamRuns.BEFORE), ()

    def _is_complete(self, run: Run | None) -> bool:
        return (
            run is not None
            and run.status in SUCCEEDED
            and (run.processor, run.date) not in self.lost
        )


def lost(newest: Mapping[Key, Run]) -> set[Key]:
    """What is complete by its run and not there: its partition is gone, or a run that read it found
    it damaged.
    """
    there = written_dates(PROCESSORS, {day for _, day in newest})
    found = {
        (code, day)
        for (code, day), run in newest.items()
        if run.status in SUCCEEDED and day not in there[code]
    }
    return found | {
        key for run in newest.values() if run.error == CORRUPT and (key := damaged(run, newest))
    }


def damaged(run: Run, newest: Mapping[Key, Run]) -> Key | None:
    """The (processor, date) whose file a run could not read, unless it has been written again
    since.
    """
    if not (key := _unreadable(run.error_detail)):
        return None
    maker = newest.get(key)
    return key if maker and (maker.started_at or LONG_AGO) <= (run.started_at or LONG_AGO) else None


def _unreadable(detail: Mapping[str, Any]) -> Key | None:
    """The (processor, date) of a partition of Phase 4; None for any other file."""
    table, name = detail.get("table"), detail.get("processor_name")
    maker = PROCESSOR_BY_NAME.get(name or "") if table == str(FAILURES) else MAKERS.get(table or "")
    return (maker.code, date.fromisoformat(detail["date"])) if maker else None


def _code_has_changed(run: Run) -> bool:
    """Whether another statement, or another version of the code, would run now."""
    statement = run.sql_hash not in ("", sql_hash(run.processor))
    return statement or run.code_version not in ("", code_version())
