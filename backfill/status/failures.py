"""Current failures of a job, each with the facts that decide whether a retry can fix it.

The latest decisive run of each (processor, date) among all jobs is used, so failures that a later
job fixed are left out. The number of queries does not depend on the number of dates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from backfill.models import LONG_AGO, AuditResult, Job, Key, Run
from backfill.plan import input_signatures
from backfill.plan.rerun_policy import SUCCEEDED, lost, stale
from backfill.processors.registry import PROCESSORS
from backfill.processors.render import sql_hash
from backfill.status.upstream_causes import causes
from backfill.version import code_version
from validation.categories import BY_NAME, DATE_LEVEL, MISSING_DEPENDENCY
from validation.retry import (
    BLOCKED,
    CANCELLED,
    LOST,
    FailureFacts,
    RetryClass,
    RetryVerdict,
    UpstreamRuns,
    verdict,
)

# Errors of a date that are not caused by the code.
FORESEEN = ("", "CorruptPartition", "WarehouseBusy")
NONE_KNOWN: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Failure of a (processor, date): a category with its entities, or the run itself with 0
    entities.
    """

    processor: str
    date: date
    what: str
    entities: int
    verdict: RetryVerdict

    @property
    def key(self) -> Key:
        """(processor, date) of the failure."""
        return self.processor, self.date

    def __str__(self) -> str:
        return f"{self.entities:,} {self.what}" if self.entities else self.what


class RunEnd(NamedTuple):
    """End of a run; names as on Run."""

    status: str
    error: str
    failures: Mapping[str, int]


def failures_with(run: Run | RunEnd) -> dict[str, int]:
    """Return the failures of a run: categories with their entity counts, and its error class with
    0.
    """
    of_run = {
        Run.Status.CANCELLED: CANCELLED,
        Run.Status.BLOCKED: BLOCKED,
        Run.Status.FAILED: run.error or DATE_LEVEL,
    }
    found = {of_run[Run.Status(run.status)]: 0} if run.status in of_run else {}
    return found | {name: n for name in BY_NAME if (n := run.failures.get(name, 0))}


class JobFailures:
    """Current state of the (processor, date) pairs of a job. `own` are the runs that the job
    executed, without the ones it skipped as complete; `deciding` are the latest decisive runs.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.newest = Run.objects.deciding(job.parsed_options.start, job.parsed_options.end)
        self.own = _own(job, self.newest)
        self.deciding = {
            key: found for key, run in self.own.items() if (found := self._deciding(run))
        }

    @cached_property
    def lost(self) -> set[Key]:
        """(processor, date) pairs whose run is complete and whose partition is gone."""
        return lost(self.newest)

    def _deciding(self, run: Run) -> Run | None:
        """Return the newest decisive run. A cancelled run is used itself, unless a later job has
        replaced it.
        """
        newest = self.newest.get((run.processor, run.date))
        if run.status != Run.Status.CANCELLED:
            return newest
        return newest if newest and (newest.started_at or LONG_AGO) > self.job.created_at else run

    def healed(self) -> Iterator[tuple[Run, str, Run]]:
        """Yield each failure that a later run fixed: run, category or error class, and the fixing
        run.
        """
        for key, run in self.own.items():
            if (now := self.deciding.get(key)) and now.job_id != run.job_id:
                yield from (
                    (run, what, now)
                    for what in failures_with(run).keys() - failures_with(now).keys()
                )

    def failures(self, wanted: Collection[Key]) -> list[Failure]:
        """Return the current failures of these pairs, in the order of the job's runs."""
        runs = {key: run for key, run in self.deciding.items() if key in wanted}
        return failures_of(runs, self.newest, self.lost)


def _own(job: Job, newest: Mapping[Key, Run]) -> dict[Key, Run]:
    """Return the job's own runs by date. Most are the newest ones, which are loaded already."""
    known = {run.pk: run for run in newest.values()}
    keys = job.runs.own().order_by("date", "pk").values_list("processor", "date", "pk")
    if older := [pk for _, _, pk in keys if pk not in known]:
        # A range, because databases limit the number of values in a list.
        found = job.runs.own().filter(pk__gte=min(older), pk__lte=max(older))
        known |= {run.pk: run for run in found if run.pk not in known}
    return {(code, day): known[pk] for code, day, pk in keys}


def failures_of(
    runs: Mapping[Key, Run], newest: Mapping[Key, Run], lost: Collection[Key]
) -> list[Failure]:
    """Return the failures of these runs, each classified for retry with `newest` and the
    warehouse. Raises WarehouseError.
    """
    evidence = _Evidence(runs, newest, lost)
    return [
        Failure(
            processor=key[0],
            date=key[1],
            what=what,
            entities=n,
            verdict=verdict(evidence.facts(run, what)),
        )
        for key, run in runs.items()
        for what, n in (failures_with(run) | ({LOST: 0} if key in lost else {})).items()
    ]


def nothing_to_retry(failures: Collection[Failure]) -> str:
    """Return the reason that a retry fixes none of these failures; empty if it fixes one."""
    found = Counter(f.verdict.retry for f in failures)
    if found[RetryClass.NOW]:
        return ""
    if found.keys() <= {RetryClass.NEVER}:
        return f"nothing to retry: {'all failures are expected' if failures else 'no failures'}"
    reasons = Counter(f.verdict.reason for f in failures if f.verdict.retry is not RetryClass.NEVER)
    return f"nothing to retry: {reasons.most_common(1)[0][0]}"


class _Evidence:
    """Facts read from the warehouse once for all failures, and only if a failure needs them."""

    def __init__(
        self, runs: Mapping[Key, Run], newest: Mapping[Key, Run], lost: Collection[Key]
    ) -> None:
        self.runs, self.newest, self.lost = runs, newest, lost

    @cached_property
    def changed(self) -> Collection[Key]:
        """Runs whose Phase 3 input has changed since."""
        return input_signatures.changes(
            r for r in self.runs.values() if r.status in (Run.Status.COMPLETE, Run.Status.FAILED)
        )

    @cached_property
    def stale(self) -> Collection[Key]:
        """Stale runs that missing dependencies require."""
        missing = (r for r in self.runs.values() if r.failures.get(MISSING_DEPENDENCY.name))
        keys = {key for run in missing for key in _required(run)}
        return stale(self.newest[key] for key in keys & self.newest.keys() - set(self.lost))

    @cached_property
    def causes(self) -> Mapping[Key, Mapping[str, int]]:
        days = {
            day for (_, day), run in self.runs.items() if run.failures.get(MISSING_DEPENDENCY.name)
        }
        # On a date with a lost partition, all downstream processors wait for it.
        return causes(days - {day for _, day in self.lost})

    @cached_property
    def waiting(self) -> Mapping[str, Mapping[str, int]]:
        """Failures by run that exist only because Phase 3 rows are missing."""
        days = [day for _, day in self.runs]
        found = AuditResult.objects.filter(date__range=(min(days), max(days))).exclude(waiting={})
        return dict(found.values_list("run_id", "waiting"))

    def facts(self, run: Run, what: str) -> FailureFacts:
        upstream, waits_for = self._upstream(run)
        facts = FailureFacts(
            failure=what,
            code_has_changed=_code_has_changed(run, what),
            upstream=upstream,
            waits_for=waits_for,
        )
        if what not in BY_NAME and what != DATE_LEVEL:
            return facts
        missing = what == MISSING_DEPENDENCY.name
        return replace(
            facts,
            phase3_has_changed=(run.processor, run.date) in self.changed,
            refused_for_upstream=run.is_refused_for_upstream,
            waits_for_rows=what in self.waiting.get(run.run_id, {}),
            causes=self.causes.get((run.processor, run.date), {}) if missing else {},
            stale_upstream=tuple(
                code for code, day in _required(run) if missing and (code, day) in self.stale
            ),
        )

    def _upstream(self, run: Run) -> tuple[UpstreamRuns, tuple[str, ...]]:
        """Return the state of the newest upstream runs, of any job, and the processors that are
        not complete.
        """
        found = {
            code: self.newest.get((code, run.date)) for code in PROCESSORS[run.processor].after
        }
        if waits_for := tuple(
            code for code, before in found.items() if not self._is_complete(before)
        ):
            return UpstreamRuns.NOT_COMPLETE, waits_for
        later = any(
            before.rows_since > (run.started_at or LONG_AGO) for before in found.values() if before
        )
        return (UpstreamRuns.AFTER if later else UpstreamRuns.BEFORE), ()

    def _is_complete(self, run: Run | None) -> bool:
        return (
            run is not None
            and run.status in SUCCEEDED
            and (run.processor, run.date) not in self.lost
        )


def _required(run: Run) -> list[Key]:
    """Return the upstream keys whose row each entity of a run requires."""
    return [(before.code, run.date) for before in PROCESSORS[run.processor].required]


def _code_has_changed(run: Run, what: str) -> bool:
    """True if the SQL of the processor differs now, or the code version for an error of a run."""
    if run.sql_hash not in ("", sql_hash(run.processor)):
        return True
    # Entities fail in the SQL alone; an error can come from any code.
    return what not in BY_NAME and run.code_version not in ("", code_version())


def bug_of(run: Run, known: Mapping[str, int] = NONE_KNOWN) -> str:
    """Return the text of the bug in a run; empty if it has none.

    Bugs already `known` of its (processor, date) are reported only where their count has grown.
    """
    if run.status == Run.Status.FAILED and run.error not in (*FORESEEN, *known):
        return run.reason
    found = {
        name: n
        for name, n in run.failures.items()
        if name in BY_NAME and BY_NAME[name].is_bug and n > known.get(name, 0)
    }
    bugs = [f"{n:,} {name}" for name, n in found.items()]
    return f"{', '.join(bugs)} of {run.population:,} entities" if bugs else ""
