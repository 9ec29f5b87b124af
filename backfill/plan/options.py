"""What a person may ask of a backfill: one validated, frozen object, stored with the job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from backfill.errors import Refused
from backfill.plan.date_lists import HOW_TO_WRITE, format_dates, parse_dates
from backfill.processors.registry import CHAIN, processor
from validation.season import FIRST_MONTH, dates_between, season_year

MODES = ("backfill", "normal")
MAX_SEASONS = 20
MAX_PARALLEL = 64
MAX_RETRIES = 1000
MAX_BATCH_SIZE = 366  # no season has more dates
OFF_SEASON = range(7, FIRST_MONTH)


@dataclass(frozen=True)
class Options:
    """A backfill's options. `start` and `end` are both included; `batch_size` and `parallel` 0 let
    the system choose.

    `dates`, when there are any, are the only ones, `start` and `end` the first and the last of
    them.
    """

    start: date
    end: date
    processors: tuple[str, ...] = CHAIN
    mode: str = "backfill"
    force: bool = False
    skip_preflight: bool = False
    batch_size: int = 0
    reason: str = ""
    parallel: int = 0  # batches in flight at most
    canary: bool = True  # the first date runs alone, and a bug in it pauses the job
    brake: bool = True  # a bug on any date pauses the job
    max_retries: int = 20  # automatic ones, in all
    newest_first: bool = False
    skip_trigger: bool = False  # normal mode without telling Phase 5
    outdated: bool = (
        False  # also what another statement made, or what was made from other Phase 3 rows
    )
    failed: bool = False  # only what failed, was blocked or cancelled, or is lost
    dates: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant. Raises Refused with one sentence."""
        if self.end < self.start:
            raise Refused(f"the end {self.end} lies before the start {self.start}")
        if season_year(self.end) - season_year(self.start) >= MAX_SEASONS:
            raise Refused(
                f"{self.start} to {self.end} spans more than {MAX_SEASONS} seasons; start several jobs"
            )
        if self.mode not in MODES:
            raise Refused(f"{self.mode!r} is no mode; choose from {', '.join(MODES)}")
        if not 0 <= self.batch_size <= MAX_BATCH_SIZE:
            raise Refused(
                f"a batch has 1 to {MAX_BATCH_SIZE} dates, or 0 to let the planner choose; not {self.batch_size}"
            )
        if not 0 <= self.parallel <= MAX_PARALLEL:
            raise Refused(
                f"1 to {MAX_PARALLEL} batches can be in flight, or 0 for the usual number; not {self.parallel}"
            )
        if not 0 <= self.max_retries <= MAX_RETRIES:
            raise Refused(
                f"a job may retry 0 to {MAX_RETRIES} times by itself; not {self.max_retries}"
            )
        if self.skip_trigger and self.backfill_mode:
            raise Refused(
                "backfill mode never triggers Phase 5; --skip-trigger belongs to --mode normal"
            )
        if not self.processors or self.processors != tuple(
            code for code in CHAIN if code in self.processors
        ):
            raise Refused(f"choose one or more of {', '.join(CHAIN)}, in this order")
        if self.skip_preflight and not self.reason.strip():
            raise Refused(
                "skipping the preflight needs a reason: add --reason TEXT, it is stored with the job"
            )
        if self.failed and self.force:
            raise Refused("--failed runs only what failed and --force runs everything; choose one")
        self._check_dates()

    def _check_dates(self) -> None:
        if not self.dates:
            return
        if list(self.dates) != sorted(set(self.dates)) or (self.start, self.end) != (
            self.dates[0],
            self.dates[-1],
        ):
            raise Refused(
                f"the dates must be in order, each once, the first {self.start} and the last {self.end}"
            )
        if (
            len(self.dates) == (self.end - self.start).days + 1
        ):  # a range after all: the same options have one form
            object.__setattr__(self, "dates", ())

    @classmethod
    def of_dates(cls, dates: Sequence[date], **fields: Any) -> Options:
        """The options for exactly these dates. Raises Refused when there are none."""
        if not dates:
            raise Refused(f"no date is named; {HOW_TO_WRITE}")
        return cls(min(dates), max(dates), dates=tuple(sorted(set(dates))), **fields)

    @property
    def backfill_mode(self) -> bool:
        """Whether the checks of normal mode are left out."""
        return self.mode == "backfill"

    @property
    def days(self) -> Sequence[date]:
        """Every date that is meant, in order."""
        return self.dates or dates_between(self.start, self.end)

    @property
    def span(self) -> str:
        """The dates in words."""
        return (
            f"{len(self.dates)} dates from {self.start} to {self.end}"
            if self.dates
            else f"{self.start} to {self.end}"
        )

    @property
    def seasons(self) -> list[int]:
        """The seasons that the dates need; the summer between two seasons needs neither."""
        return sorted({season_year(d) for d in self.days if d.month not in OFF_SEASON})

    def as_json(self) -> dict[str, Any]:
        """The options as stored with the job; `from_json` reads them back."""
        words = {"start": str(self.start), "end": str(self.end), "dates": format_dates(self.dates)}
        return {**asdict(self), **words, "processors": list(self.processors)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Options:
        """The options of a stored job, also of one that was stored before there were all of them."""
        days = {name: date.fromisoformat(stored[name]) for name in ("start", "end")}
        dates = parse_dates(stored.get("dates", ""))
        return cls(**{**stored, **days, "dates": dates, "processors": tuple(stored["processors"])})


def chosen(names: Sequence[str] = (), start_from: int | None = None) -> tuple[str, ...]:
    """The processors of a backfill in chain order: those named, or all from position N (1 to 5) on.
    Raises Refused.
    """
    if names and start_from is not None:
        raise Refused("name processors or a position to start from, not both")
    if start_from is not None and not 1 <= start_from <= len(CHAIN):
        raise Refused(
            f"--start-from takes 1 to {len(CHAIN)}: {', '.join(f'{n} {c}' for n, c in enumerate(CHAIN, 1))}"
        )
    wanted = {processor(name).code for name in names} or set(CHAIN[(start_from or 1) - 1 :])
    return tuple(code for code in CHAIN if code in wanted)
