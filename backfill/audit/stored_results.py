"""Stored results of some dates, as an audit reads them.

Those of a season are kept by date, so that an audit reads only the dates whose partitions have
changed since the one before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.db.models import Q
from django.utils.timezone import now

from backfill.audit import content_checks, load, results
from backfill.models import Key, Run
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.warehouse import warehouse
from backfill.warehouse.kept_values import keep, read_kept
from backfill.warehouse.season_cache import stamps_of
from backfill.warehouse.tables import FAILURES, INPUTS
from validation.expectation import SeasonGames
from validation.findings.content import Share, Violation
from validation.season import opened_season_year

KEPT = "stored results"
FEW_DATES = 10
Stamp = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AuditedDate:
    """What an audit found on a date; `stamp` changes with every partition of it."""

    stamp: Stamp
    written: Mapping[str, load.Written]
    results: Mapping[str, results.ExpectedVsActual]
    shares: Sequence[Share]
    violations: Sequence[Violation]


class StoredResults:
    """Results of these dates, read once and on demand; `live` are the pairs run in normal mode.

    With `is_season` the dates are a whole season, whose results are kept.
    """

    def __init__(
        self,
        start: date,
        dates: Sequence[date],
        *,
        live: Collection[Key],
        is_season: bool,
    ) -> None:
        self._start, self._dates, self._live = start, dates, live
        self._is_season, self._place = is_season, (opened_season_year(start), KEPT)
        # Before the inputs are read: after a load in between, nothing is kept for the new ones.
        self._inputs = stamps_of(self._place[0], INPUTS)
        self._compared: dict[Key, results.ExpectedVsActual] | None = None

    def read(self) -> None:
        """Read the dates that changed."""
        _ = self._read, self.violations

    @property
    def is_small(self) -> bool:
        """Return True if only a few dates have changed."""
        return len(self._fresh) <= FEW_DATES

    @property
    def there(self) -> dict[Key, load.Written]:
        """Every result with both partitions, also of `moving` and `damaged` pairs."""
        return self._read[0]

    @property
    def moving(self) -> set[Key]:
        """(processor, date) pairs that ran during the read: their rows may be half written."""
        return self._read[1]

    @property
    def damaged(self) -> set[Key]:
        """(processor, date) pairs whose partition cannot be read."""
        return self._read[2]

    def compared(self, facts: SeasonGames) -> dict[Key, results.ExpectedVsActual]:
        """Return the expected counts of every pair, and their comparison with the stored rows;
        without one for pairs that are moving, damaged or not written.
        """
        out = self.moving | self.damaged
        return {
            key: found._replace(comparison=None) if key in out else found
            for key, found in self._results(facts).items()
        }

    @cached_property
    def shares(self) -> list[Share]:
        """Shares of the columns of the outputs."""
        return [
            *(share for kept in self._kept.values() for share in kept.shares),
            *self._fresh_shares,
        ]

    @cached_property
    def violations(self) -> list[Violation]:
        """Rows that break a rule."""
        fresh = content_checks.violations(self._start) if self._read and self._fresh else []
        return [*(found for kept in self._kept.values() for found in kept.violations), *fresh]

    def keep(self, facts: SeasonGames) -> None:
        """Keep the results of a whole season for the next audit."""
        if not (self._is_season and self._fresh):
            return
        unsure = {day for _, day in self.moving | self.damaged}
        compared, shares = self._results(facts), defaultdict[date, list[Share]](list)
        for share in self._fresh_shares:
            shares[share.date].append(share)
        made = {
            day: AuditedDate(
                stamp=self._stamps[day],
                written={c: self.there[c, day] for c in CHAIN if (c, day) in self.there},
                results={c: compared[c, day] for c in CHAIN},
                shares=shares[day],
                violations=[found for found in self.violations if found.date == day],
            )
            for day in self._fresh
            if day not in unsure
        }
        keep(self._place, self._inputs, self._kept | made)

    # Dates that changed

    @cached_property
    def _stamps(self) -> dict[date, Stamp]:
        """Stamps of the partitions of each date, and the modes of its runs."""
        tables = [*(PROCESSORS[code].output for code in CHAIN), FAILURES]
        found = [warehouse().partition_stamps(table, self._dates) for table in tables]
        return {
            day: (
                *(stamps[day] for stamps in found),
                *(code for code in CHAIN if (code, day) in self._live),
            )
            for day in self._dates
        }

    @cached_property
    def _kept(self) -> dict[date, AuditedDate]:
        """Results of an earlier audit that still hold."""
        if not self._is_season:
            return {}
        (kept,) = read_kept(self._place, self._inputs) or ({},)
        return {
            day: kept[day]
            for day in self._dates
            if day in kept and kept[day].stamp == self._stamps[day]
        }

    @cached_property
    def _fresh(self) -> list[date]:
        return [day for day in self._dates if day not in self._kept]

    @cached_property
    def _read(self) -> tuple[dict[Key, load.Written], set[Key], set[Key]]:
        began, fresh = now(), self._fresh
        damaged = load.stage(fresh) if fresh else set()
        found = load.written(fresh) if fresh else {}
        moving = Run.objects.filter(Q(status=Run.Status.RUNNING) | Q(finished_at__gte=began))
        moved = set(
            moving.filter(date__range=(self._dates[0], self._dates[-1])).values_list(
                "processor", "date"
            )
        )
        kept = {
            (code, day): written
            for day, before in self._kept.items()
            for code, written in before.written.items()
        }
        return kept | found, moved, damaged

    @cached_property
    def _fresh_shares(self) -> list[Share]:
        return content_checks.output_shares(self._start) if self._read and self._fresh else []

    def _results(self, facts: SeasonGames) -> dict[Key, results.ExpectedVsActual]:
        if self._compared is None:
            kept = {
                (code, day): result
                for day, before in self._kept.items()
                for code, result in before.results.items()
            }
            made = results.compare_run(facts, self._fresh, self._live, self.there)
            self._compared = kept | dict(made)
        return self._compared
