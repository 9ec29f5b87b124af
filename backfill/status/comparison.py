"""Comparison of two jobs by run and category: fixed, remaining and new failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from backfill.models import Job, Key, Run
from backfill.status.failures import failures_with
from validation.categories import BY_NAME

UNDECIDED = (*Run.ACTIVE, Run.Status.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class CategoryDelta:
    """Failures of one (processor, date) in both jobs. `what` is a category, counted in entities,
    or a state, counted as one run.
    """

    processor: str
    date: date
    what: str
    before: int
    after: int

    @property
    def healed(self) -> int:
        """Failures of the first job alone."""
        return max(self.before - self.after, 0)

    @property
    def remaining(self) -> int:
        """Failures of both jobs."""
        return min(self.before, self.after)

    @property
    def new(self) -> int:
        """Failures of the second job alone."""
        return max(self.after - self.before, 0)


@dataclass(frozen=True, kw_only=True)
class JobComparison:
    """Two jobs over the (processor, date) pairs that both have finished.

    Runs are compared by state: failed, blocked, cancelled. A failed run has no entity counts, so
    the entities of its successor count as new. `undecided` are the pairs that one of the two jobs
    has not finished.
    """

    before: int
    after: int
    compared: int
    changes: tuple[CategoryDelta, ...]
    only_before: tuple[Key, ...]
    only_after: tuple[Key, ...]
    undecided: tuple[Key, ...]

    def totals(self) -> dict[str, dict[str, int]]:
        """Return before, after, healed, remaining and new by state and category."""
        found: dict[str, Counter[str]] = {}
        for change in self.changes:
            counts = {"before": change.before, "after": change.after}
            counts |= {"healed": change.healed, "remaining": change.remaining, "new": change.new}
            found.setdefault(change.what, Counter()).update(counts)
        return {what: dict(found[what]) for what in sorted(found, key=_order)}

    def counts(self, kind: str) -> dict[str, int]:
        """Return the nonzero counts of `healed`, `remaining` or `new` by state and category."""
        return {what: n for what, by_kind in self.totals().items() if (n := by_kind[kind])}

    @property
    def is_worse(self) -> bool:
        """True if the second job has new failures that are not expected."""
        return any(what not in BY_NAME or BY_NAME[what].is_bug for what in self.counts("new"))

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as a JSON document."""
        changes = [
            {**asdict(c), "healed": c.healed, "remaining": c.remaining, "new": c.new}
            for c in self.changes
        ]
        return {
            "before": self.before,
            "after": self.after,
            "compared": self.compared,
            "totals": self.totals(),
            "changes": changes,
            "only_before": _listed(self.only_before),
            "only_after": _listed(self.only_after),
            "undecided": _listed(self.undecided),
        }


def compare(before: Job, after: Job) -> JobComparison:
    """Compare two jobs with one query."""
    old, new = _runs_of(before, after)
    both = sorted(old.keys() & new.keys(), key=_by_date)
    decided = [
        key
        for key in both
        if old[key].status not in Run.ACTIVE and new[key].status not in UNDECIDED
    ]
    undecided = tuple(sorted(set(both) - set(decided), key=_by_date))
    changes = [change for key in decided for change in _changes(key, old[key], new[key])]
    only_before, only_after = (
        tuple(sorted(keys, key=_by_date))
        for keys in (old.keys() - new.keys(), new.keys() - old.keys())
    )
    return JobComparison(
        before=before.pk,
        after=after.pk,
        compared=len(decided),
        changes=tuple(changes),
        only_before=only_before,
        only_after=only_after,
        undecided=undecided,
    )


def _runs_of(*jobs: Job) -> list[dict[Key, Run]]:
    """Return the runs that each job executed, without the ones it skipped as complete."""
    found: dict[int, dict[Key, Run]] = {job.pk: {} for job in jobs}
    fields = ("job_id", "processor", "date", "status", "error", "failures")
    for run in Run.objects.filter(job__in=jobs).own().only(*fields):
        found[run.job_id][run.processor, run.date] = run
    return [found[job.pk] for job in jobs]


def _failures(run: Run) -> Mapping[str, int]:
    """Return the failures of a run by state and by category."""
    states = (Run.Status.FAILED, Run.Status.BLOCKED, Run.Status.CANCELLED)
    categories = {what: n for what, n in failures_with(run).items() if what in BY_NAME}
    return {str(run.status): 1, **categories} if run.status in states else categories


def _changes(key: Key, old: Run, new: Run) -> Iterable[CategoryDelta]:
    before, after = _failures(old), _failures(new)
    for what in sorted(before.keys() | after.keys(), key=_order):
        yield CategoryDelta(
            processor=key[0],
            date=key[1],
            what=what,
            before=before.get(what, 0),
            after=after.get(what, 0),
        )


def _order(what: str) -> tuple[bool, bool, str]:
    """Sort states first, then bugs, then expected categories."""
    return what in BY_NAME, what in BY_NAME and not BY_NAME[what].is_bug, what


def _by_date(key: Key) -> tuple[date, str]:
    return key[1], key[0]


def _listed(keys: Iterable[Key]) -> list[dict[str, Any]]:
    return [{"processor": code, "date": day} for code, day in keys]
