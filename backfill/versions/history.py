"""Versions of (processor, date), each with the run that made it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from backfill.models import Key, Run
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.warehouse import warehouse


@dataclass(frozen=True, kw_only=True)
class KeptVersion:
    """Version of a (processor, date), or its live partition, which no time has replaced. `run` is
    None if it is not in the database.
    """

    processor: str
    date: date
    token: int
    replaced_at: datetime | None
    run: Run | None

    @property
    def is_live(self) -> bool:
        return self.replaced_at is None

    @property
    def name(self) -> str:
        """ID of the run that made it, or its token."""
        return self.run.run_id if self.run else str(self.token)

    @property
    def failed(self) -> int:
        """Number of failed entities."""
        return sum(self.run.failures.values()) if self.run else 0

    @property
    def is_whole(self) -> bool:
        """True if a complete run made it; any other is not restored."""
        return self.run is None or self.run.status == Run.Status.COMPLETE


def versions_of(day: date, codes: Iterable[str] = CHAIN) -> list[KeptVersion]:
    """Return the live partition and the versions of each processor, the newest first, in chain
    order. Raises WarehouseError.
    """
    return [version for code in codes for version in _of(code, [day])]


def kept_keys(keys: Collection[tuple[str, date, int]]) -> set[tuple[str, date, int]]:
    """Return those of these (processor, date, token) that are kept. Raises WarehouseError."""
    kept = set()
    for code in {code for code, _, _ in keys}:
        days = {day for of, day, _ in keys if of == code}
        found = warehouse().versions(PROCESSORS[code].output, days)
        kept |= {(code, day, v.token) for day, versions in found.items() for v in versions}
    return kept & set(keys)


def makers(keys: Collection[tuple[str, date, int]]) -> dict[tuple[str, date, int], Run]:
    """Return the runs that wrote these versions."""
    found = Run.objects.filter(
        fence__in={token for _, _, token in keys if token},
        processor__in={code for code, _, _ in keys},
        date__in={day for _, day, _ in keys},
    ).select_related("job")
    return {(run.processor, run.date, run.fence): run for run in found}


def _of(code: str, days: Collection[date]) -> Iterator[KeptVersion]:
    output = PROCESSORS[code].output
    live = warehouse().live_tokens(output, days)
    kept = warehouse().versions(output, days)
    tokens: list[tuple[Key, int, datetime | None]] = [
        *(((code, day), token, None) for day, token in live.items()),
        *(((code, day), v.token, v.replaced_at) for day, found in kept.items() for v in found),
    ]
    runs = makers([(*key, token) for key, token, _ in tokens])
    for (_, day), token, replaced_at in tokens:
        yield KeptVersion(
            processor=code,
            date=day,
            token=token,
            replaced_at=replaced_at,
            run=runs.get((code, day, token)),
        )
