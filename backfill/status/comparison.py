"""Two jobs, run by run and category by category: what the second healed, what remains, what is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from backfill.models import Job, Run
from backfill.plan.planning import Key
from backfill.status.failures import failures_with
from validation.categories import BY_NAME

UNDECIDED = (*Run.ACTIVE, Run.Status.CANCELLED)


@dataclass(frozen=True)
class CategoryDelta:
    """How much was wrong with one (processor, date) in both jobs: entities of a category, or the
    run itself as one.
    """

    processor: str
    date: date
    what: str
    before: int
    after: int

    @property
    def healed(self) -> int:
        """What was wrong before alone."""
        return max(self.before - self.after, 0)

    @property
    def remaining(self) -> int:
        """What is wrong in both."""
        return min(self.before, self.after)

    @property
    def new(self) -> int:
        """What is wrong after alone."""
        return max(self.after - self.before, 0)


@dataclass(frozen=True)
class JobComparison:
    """Two jobs over what both have run to an end.

    Runs are told apart by their state: failed, blocked, cancelled. A run that failed has counted no
    entities, so what
    its successor counts is new. `undecided` is what one of the two has not run to an end.
    """

    before: int
    after: int
    compared: int
    changes: tuple[CategoryDelta, ...]
    only_before: tuple[Key, ...]
    only_after: tuple[Key, ...]
    undecided: tuple[Key, ...]

    def totals(self) -> dict[str, dict[str, int]]:
        """Per state and category: before, after, healed, remaining, new."""
        found: dict[str, Counter[str]] = {}
        for change in self.changes:
            counts = {"before": change.before, "after": change.after}
            counts |= {"healed": change.healed, "remaining": change.remaining, "new": change.new}
            found.setdefault(change.what, Counter()).update(counts)
        return {what: dict(found[what]) for what in sorted(found, key=_order)}

    def counts(self, kind: str) -> dict[str, int]:
        """What was healed, is remaining or is new, by state and category."""
        return {what: n for what, by_kind in self.totals().items() if (n := by_kind[kind])}

    @property
    def is_worse(self) -> bool:
        """Whether something is new that is not expected."""
        return any(what not in BY_NAME or BY_NAME[what].is_bug for what in self.counts("new"))

    def as_json(self) -> dict[str, Any]:
        """As one document."""
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
    """Compare any two jobs; one query, whatever their size."""
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
        before.pk, after.pk, len(decided), tuple(changes), only_before, only_after, undecided
    )


def _runs_of(*jobs: Job) -> list[dict[Key, Run]]:
    """What each job has run; not what it found complete and left alone."""
    found: dict[int, dict[Key, Run]] = {job.pk: {} for job in jobs}
    fields = ("job_id", "processor", "date", "status", "error", "failures")
    for run in Run.objects.filter(job__in=jobs).own().only(*fields):
        found[run.job_id][run.processor, run.date] = run
    return [found[job.pk] for job in jobs]


def _wrong(run: Run) -> Mapping[str, int]:
    """What is wrong with a run, by its state and by category."""
    states = (Run.Status.FAILED, Run.Status.BLOCKED, Run.Status.CANCELLED)
    categories = {what: n for what, n in failures_with(run).items() if what in BY_NAME}
    return {str(run.status): 1, **categories} if run.status in states else categories


def _changes(key: Key, old: Run, new: Run) -> Iterable[CategoryDelta]:
    before, after = _wrong(old), _wrong(new)
    for what in sorted(before.keys() | after.keys(), key=_order):
        yield CategoryDelta(*key, what, before.get(what, 0), after.get(what, 0))


def _order(what: str) -> tuple[bool, bool, str]:
    """States first, then bugs, then what is expected."""
    return what in BY_NAME, what in BY_NAME and not BY_NAME[what].is_bug, what


def _by_date(key: Key) -> tuple[date, str]:
    return key[1], key[0]


def _listed(keys: Iterable[Key]) -> list[dict[str, Any]]:
    return [{"processor": code, "date": day} for code, day in keys]
