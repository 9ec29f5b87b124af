"""Every error that Backcourt raises, as one small tree.

BackcourtError
├── Refused                  a person's mistake: one sentence, exit 2, nothing changed
│   ├── Conflict             another active job holds some of the dates
│   └── PlanChanged          what would be run is no longer what somebody has seen
├── AccountingError          the rows of a run do not add up; nothing was written
├── Superseded               another attempt has these runs now; nothing was written
└── WarehouseError           `retryable` says whether the same call may work later
    ├── WarehouseBusy        retryable
    ├── WarehouseUnwritable  no place, no right or no space to write
    ├── CorruptPartition     a file cannot be read; names it
    └── StatementFailed      the engine refused or broke off a statement
"""

from __future__ import annotations

from collections.abc import Mapping


class BackcourtError(Exception):
    """Something went wrong in Backcourt."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class Refused(BackcourtError):
    """The request cannot be carried out as it stands."""


class Conflict(Refused):
    """Another active job already works on some of these dates."""


class PlanChanged(Refused):
    """What would be run now is no longer what the preview showed."""


class AccountingError(BackcourtError):
    """The rows of a run do not add up to its population; nothing was written."""


class Superseded(BackcourtError):
    """These runs were given back or cancelled meanwhile; this attempt writes nothing."""


class WarehouseError(BackcourtError):
    """The warehouse could not do what it was asked."""

    def __init__(self, message: str = "", detail: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.detail = detail or {}  # what it is about, as keys

    retryable = False
    # Whether fewer dates may succeed: a full disk is full for every date, a bad row poisons one.
    concerns_dates = False


class WarehouseBusy(WarehouseError):
    """The warehouse is over quota or timed out; the same query may work later."""

    retryable = True


class WarehouseUnwritable(WarehouseError):
    """The warehouse cannot be written."""


class CorruptPartition(WarehouseError):
    """A file of the warehouse cannot be read."""

    concerns_dates = True


class StatementFailed(WarehouseError):
    """The engine could not run a statement."""

    concerns_dates = True
