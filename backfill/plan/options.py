"""Options of a backfill: one validated, frozen object, stored with the job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, asdict, dataclass, field, fields
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Any, get_type_hints

from backfill.errors import InvalidOption, Refused
from backfill.plan.cells import HOW_TO_WRITE as HOW_TO_WRITE_CELLS
from backfill.plan.cells import format_cells, parse_cells
from backfill.plan.date_lists import HOW_TO_WRITE, format_dates, parse_dates
from backfill.plan.option_fields import described, spec_of
from backfill.processors.registry import CHAIN, processor
from validation.season import dates_between, usual_season_year

MODES = ("backfill", "normal")
MAX_SEASONS = 20
MAX_PARALLEL = 64
MAX_RETRIES = 1000
MAX_BATCH_SIZE = 366  # the longest season has fewer dates


@dataclass(frozen=True, kw_only=True)
class Options:
    """A backfill's options. `start` and `end` are both included; `batch_size` and `parallel` 0 let
    the planner choose.

    `dates`, if given, are the only dates; `start` and `end` are then the first and last of them.
    `cells`, if given, are the only (processor, date); the dates and processors are then theirs.
    The shell's arguments, the form and the API's schema derive from this declaration.
    """

    start: date = field(metadata=described("first date, YYYY-MM-DD", "First date"))
    end: date = field(metadata=described("last date, included", "Last date (included)"))
    processors: tuple[str, ...] = field(
        default_factory=lambda: tuple(CHAIN),
        metadata=described("processors by code or name; default: all", "Processors"),
    )
    mode: str = field(
        default=MODES[0],
        metadata=described("backfill mode skips the checks of normal mode", "Mode", choices=MODES),
    )
    force: bool = field(
        default=False,
        metadata=described("also rerun complete dates", "All runs, overwriting complete ones"),
    )
    skip_preflight: bool = field(
        default=False,
        metadata=described(
            "start with incomplete Phase 3 data; requires a reason", "Skip preflight"
        ),
    )
    batch_size: int = field(
        default=0,
        metadata=described(
            "dates per batch; 0: automatic",
            "Dates per batch",
            hint="0 or empty: automatic",
            most=MAX_BATCH_SIZE,
            limits=f"dates per batch must be 1 to {MAX_BATCH_SIZE}, or 0 for automatic",
        ),
    )
    reason: str = field(
        default="",
        metadata=described(
            "reason; stored with the job", "Reason", hint="required; stored with the job"
        ),
    )
    parallel: int = field(
        default=0,
        metadata=described(
            "maximum number of batches in flight; 0: default",
            "Concurrency limit",
            hint="batches in flight",
            most=MAX_PARALLEL,
            limits=f"the concurrency limit must be 1 to {MAX_PARALLEL}, or 0 for the default",
        ),
    )
    canary: bool = field(
        default=True,
        metadata=described(
            "skip the canary (the first date, alone)",
            "Canary",
            hint="run the first date alone; pause if it hits a bug",
        ),
    )
    brake: bool = field(
        default=True,
        metadata=described(
            "do not pause on error (at the first bug)",
            "Pause on error",
            flag="pause-on-error",
            hint="pause at the first bug on any date",
        ),
    )
    max_retries: int = field(
        default=20,
        metadata=described(
            "maximum number of automatic retries",
            "Automatic retries",
            hint="total for the job",
            most=MAX_RETRIES,
            limits=f"automatic retries must be 0 to {MAX_RETRIES}",
        ),
    )
    newest_first: bool = field(
        default=False, metadata=described("run the last dates first", "Newest first")
    )
    skip_trigger: bool = field(
        default=False,
        metadata=described(
            "skip the Phase 5 trigger; normal mode only",
            "Skip Phase 5 trigger",
            hint="normal mode only",
        ),
    )
    outdated: bool = field(
        default=False,
        metadata=described(
            "also rerun stale dates (other SQL or changed Phase 3 rows)",
            "Incomplete and stale runs",
            flag="stale",
        ),
    )
    failed: bool = field(
        default=False,
        metadata=described(
            "rerun only failed, blocked, cancelled and lost runs",
            "Failed, blocked, cancelled or lost runs",
        ),
    )
    dates: tuple[date, ...] = field(
        default=(),
        metadata=described(
            "dates and ranges: 2021-11-01,2021-11-05..2021-11-09",
            "Dates and ranges",
            hint="2021-11-01..2021-11-05, 2021-11-09; instead of a range",
        ),
    )

    cells: str = field(
        default="",
        metadata=described(
            "cells of the grid, instead of dates and processors: "
            "PSZA,PDC 2021-11-01..2021-11-05; ML 2021-11-03",
            "Cells",
        ),
    )

    def __post_init__(self) -> None:
        """Raise InvalidOption for values out of range and for contradictions."""
        self._take_cells()
        self._check_range()
        for one in fields(self):
            self._check_limits(one)
        self._check_contradictions()
        self._check_dates()

    def _take_cells(self) -> None:
        """Derive dates and processors from the cells; all processors on all dates need no cells."""
        if not self.cells:
            return
        try:
            keys = parse_cells(self.cells)
        except Refused as refused:
            raise InvalidOption("cells", str(refused)) from None
        if not keys:
            raise InvalidOption("cells", f"no cells given; {HOW_TO_WRITE_CELLS}")
        days = tuple(sorted({day for _, day in keys}))
        codes = tuple(code for code in CHAIN if any(of == code for of, _ in keys))
        is_whole = len(keys) == len(days) * len(codes)
        taken = {"start": days[0], "end": days[-1], "dates": days, "processors": codes}
        for name, value in {**taken, "cells": "" if is_whole else format_cells(keys)}.items():
            object.__setattr__(self, name, value)

    def _check_range(self) -> None:
        if self.end < self.start:
            raise InvalidOption(
                "end", f"the last date {self.end} is before the first date {self.start}; swap them"
            )
        if usual_season_year(self.end) - usual_season_year(self.start) >= MAX_SEASONS:
            raise InvalidOption(
                "end",
                f"{self.start} to {self.end} spans more than {MAX_SEASONS} seasons; "
                "start several jobs",
            )

    def _check_limits(self, one: Field[Any]) -> None:
        """Refuse an unknown choice and a number outside its limits."""
        spec, value = spec_of(one), getattr(self, one.name)
        if spec.choices and value not in spec.choices:
            raise InvalidOption(
                one.name, f"unknown {one.name} {value!r}; choose from {', '.join(spec.choices)}"
            )
        if spec.limits and spec.most is not None and not 0 <= value <= spec.most:
            raise InvalidOption(one.name, f"{spec.limits}; not {value}")

    def _check_contradictions(self) -> None:
        """Refuse contradictory options."""
        if self.skip_trigger and self.backfill_mode:
            raise InvalidOption(
                "skip_trigger",
                "only normal mode can skip the Phase 5 trigger; backfill mode never triggers Phase 5",
            )
        if not self.processors or tuple(self.processors) != tuple(
            code for code in CHAIN if code in self.processors
        ):
            raise InvalidOption(
                "processors", f"choose one or more of {', '.join(CHAIN)}, in this order"
            )
        if self.skip_preflight and not self.reason.strip():
            raise InvalidOption(
                "skip_preflight",
                "skipping the preflight requires a reason, which is stored with the job",
            )
        if self.failed and self.force:
            raise InvalidOption(
                "failed", "--failed and --force exclude each other; use one of them"
            )

    def _check_dates(self) -> None:
        if not self.dates:
            return
        ends = (self.dates[0], self.dates[-1])
        if list(self.dates) != sorted(set(self.dates)) or (self.start, self.end) != ends:
            raise InvalidOption(
                "dates",
                f"list the dates in order without duplicates, from {self.start} to {self.end}",
            )
        if len(self.dates) == (self.end - self.start).days + 1:
            object.__setattr__(self, "dates", ())  # a range is stored in one form only

    @classmethod
    def of_dates(cls, dates: Sequence[date], **others: Any) -> Options:
        """Return the options for exactly these dates. Raises InvalidOption without dates."""
        if not dates:
            raise InvalidOption("dates", f"no dates given; {HOW_TO_WRITE}")
        return cls(start=min(dates), end=max(dates), dates=tuple(sorted(set(dates))), **others)

    @classmethod
    def of_cells(cls, cells: str, **others: Any) -> Options:
        """Return the options for exactly these cells. Raises InvalidOption."""
        return cls(start=date.min, end=date.min, cells=cells or ";", **others)

    @cached_property
    def keys(self) -> frozenset[tuple[str, date]]:
        """Selected cells; empty if all processors on all dates are selected."""
        return frozenset(parse_cells(self.cells))

    def selects(self, code: str, day: date) -> bool:
        """Return whether a processor of these options is selected on a date of these options."""
        return not self.cells or (code, day) in self.keys

    @property
    def backfill_mode(self) -> bool:
        """True if the checks of normal mode are skipped."""
        return self.mode == "backfill"

    @property
    def days(self) -> Sequence[date]:
        """Selected dates in order."""
        return self.dates or dates_between(self.start, self.end)

    @property
    def span(self) -> str:
        """The dates as text: a range, or a count within one."""
        if self.cells:
            return f"{len(self.keys)} cells from {self.start} to {self.end}"
        return (
            f"{len(self.dates)} dates from {self.start} to {self.end}"
            if self.dates
            else f"{self.start} to {self.end}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the options as stored with the job; `from_json` reads them back."""
        words = {"start": str(self.start), "end": str(self.end), "dates": format_dates(self.dates)}
        return {**asdict(self), **words, "processors": list(self.processors)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Options:
        """Return stored options; those added since have their default."""
        days = {name: date.fromisoformat(stored[name]) for name in ("start", "end")}
        dates = parse_dates(stored.get("dates", ""))
        return cls(**{**stored, **days, "dates": dates, "processors": tuple(stored["processors"])})


FIELDS: Mapping[str, Field[Any]] = MappingProxyType({f.name: f for f in fields(Options)})
TYPES: Mapping[str, Any] = MappingProxyType(get_type_hints(Options))


def chosen(names: Sequence[str] = (), start_from: int | None = None) -> tuple[str, ...]:
    """Return processors in chain order: the named ones, or all from position N.
    Raises Refused.
    """
    if names and start_from is not None:
        raise Refused("--processors and --start-from exclude each other; use one of them")
    if start_from is not None and not 1 <= start_from <= len(CHAIN):
        positions = ", ".join(f"{n} {code}" for n, code in enumerate(CHAIN, 1))
        raise Refused(f"--start-from takes 1 to {len(CHAIN)} ({positions}), not {start_from}")
    selected = {processor(name).code for name in names} or set(CHAIN[(start_from or 1) - 1 :])
    return tuple(code for code in CHAIN if code in selected)
