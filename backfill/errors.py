"""Errors raised by Backcourt.

BackcourtError
├── Refused                  invalid request: one sentence, exit 2, nothing changed
│   ├── InvalidOption        invalid option of a backfill, with its field
│   ├── Conflict             another active job claims some of the dates
│   ├── PlanChanged          the plan differs from the preview
│   └── OverwriteUnconfirmed the number of overwritten runs is missing or wrong
├── AccountingError          the rows of a run do not match its population; nothing was written
├── Superseded               another attempt owns these runs; nothing was written
└── WarehouseError           `retryable`: the same call may succeed later
    ├── WarehouseBusy        retryable
    │   ├── WarehouseClosed  retryable at a known time, which uses up no retry
    │   └── SeasonReloaded   a load replaced the inputs during a step
    ├── WarehouseUnwritable  no location, permission or space to write
    ├── UnreadableInput      missing or damaged input file, with its path
    ├── CorruptPartition     unreadable file, with its path
    ├── VersionGone          version of a partition that was pruned or deleted
    └── StatementFailed      the engine rejected or aborted a statement
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime


class BackcourtError(Exception):
    """Base class of Backcourt's errors."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class Refused(BackcourtError):
    """The request is invalid."""


class InvalidOption(Refused):
    """The value of one option of a backfill is invalid."""

    def __init__(self, field: str, message: str = "") -> None:
        super().__init__(message)
        self.field = field


class Conflict(Refused):
    """Another active job already claims some of these dates."""


class PlanChanged(Refused):
    """The plan has changed since the preview."""


class OverwriteUnconfirmed(Refused):
    """The number of complete runs to overwrite is missing or wrong."""


class AccountingError(BackcourtError):
    """The rows of a run do not match its population; nothing was written."""


class Superseded(BackcourtError):
    """Another attempt now owns these runs; nothing was written."""

    def __init__(self, fence: int = 0) -> None:
        super().__init__()
        self.fence = fence  # the newer fencing token of a partition


class WarehouseError(BackcourtError):
    """The warehouse could not complete an operation."""

    def __init__(self, message: str = "", detail: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.detail = detail or {}  # identifiers of the affected file, table, date and so on

    retryable = False
    # Fewer dates per batch may succeed: a bad row fails one date, a full disk fails all of them.
    concerns_dates = False


class WarehouseBusy(WarehouseError):
    """The warehouse is over quota or timed out; the same query may succeed later."""

    retryable = True


class WarehouseClosed(WarehouseBusy):
    """The warehouse accepts this again at a known time.

    `until` is that time. `pauses_job` is True if it refuses every other statement until then too.
    """

    def __init__(self, message: str, until: datetime, *, pauses_job: bool = False) -> None:
        super().__init__(message)
        self.until, self.pauses_job = until, pauses_job


class WarehouseUnwritable(WarehouseError):
    """The warehouse is not writable."""


class SeasonReloaded(WarehouseBusy):
    """A load replaced the inputs of the season; the same step may succeed now."""


class UnreadableInput(WarehouseError):
    """An input file is missing or damaged, which concerns every date of its season."""


class CorruptPartition(WarehouseError):
    """A warehouse file is unreadable."""

    concerns_dates = True


class VersionGone(WarehouseError):
    """A version of a partition was pruned, or its file deleted."""

    concerns_dates = True


class StatementFailed(WarehouseError):
    """The engine could not run a statement."""

    concerns_dates = True
