"""Changes of a job: its rows and failures against those that it replaced, as counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, Count, Q, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from backfill.models import Job
from validation.findings.kinds import pluralize


class ChangeCounts(NamedTuple):
    """Rows or failures by change, in the order of `Run.changes`."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    unchanged: int = 0

    @property
    def total(self) -> int:
        """Number before and after together, each once."""
        return sum(self)

    @property
    def different(self) -> int:
        """Number of those that are not unchanged."""
        return self.added + self.removed + self.changed


@dataclass(frozen=True, kw_only=True)
class ChangeSummary:
    """Counts of the `runs` that replaced a partition. The version that `gone` of them replaced does
    not exist any more, so that they are not counted.
    """

    runs: int
    gone: int
    rows: ChangeCounts
    failures: ChangeCounts

    @property
    def sentence(self) -> str:
        """Counts in words: `730 runs, 12 of 101,432 rows changed`."""
        rows = self.rows
        parts = [
            pluralize(self.runs, "run"),
            f"{rows.changed:,} of {pluralize(rows.total, 'row')} changed",
            *(
                f"{n:,} {word}"
                for n, word in ((rows.added, "added"), (rows.removed, "removed"))
                if n
            ),
        ]
        failures = [
            f"{pluralize(n, 'failure')} {word}"
            for n, word in (
                (self.failures.added, "appeared"),
                (self.failures.removed, "disappeared"),
                (self.failures.changed, "changed"),
            )
            if n
        ]
        return ", ".join([*parts, *failures])

    @property
    def gone_sentence(self) -> str:
        """Number of runs that are not counted, in words; empty for none."""
        if not self.gone:
            return ""
        return f"The replaced version of {pluralize(self.gone, 'run')} is gone: not counted."

    def as_json(self) -> dict[str, Any]:
        """Return the counts and the sentence."""
        return {
            "runs": self.runs,
            "gone": self.gone,
            "rows": self.rows._asdict(),
            "failures": self.failures._asdict(),
            "sentence": self.sentence,
        }


def change_summary(job: Job) -> ChangeSummary | None:
    """Return the changes of a job, with one query; None if it replaced nothing."""
    sums = {
        f"{kind}_{name}": Sum(Cast(KT(f"changes__{kind}__{n}"), BigIntegerField()))
        for kind in ("rows", "failures")
        for n, name in enumerate(ChangeCounts._fields)
    }
    found = job.runs.filter(replaced__isnull=False).aggregate(
        runs=Count("pk"), gone=Count("pk", filter=Q(changes={})), **sums
    )
    if not found["runs"]:
        return None
    return ChangeSummary(
        runs=found["runs"],
        gone=found["gone"],
        rows=_counts(found, "rows"),
        failures=_counts(found, "failures"),
    )


def _counts(found: Mapping[str, Any], kind: str) -> ChangeCounts:
    return ChangeCounts(*(found[f"{kind}_{name}"] or 0 for name in ChangeCounts._fields))
