"""BigQuery errors as an operator's next step: wait, or what to grant, create or set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import requests
from google.api_core.exceptions import GoogleAPICallError, RetryError, TooManyRequests
from google.auth.exceptions import GoogleAuthError, TransportError

from backfill.errors import (
    StatementFailed,
    WarehouseBusy,
    WarehouseClosed,
    WarehouseError,
    WarehouseUnwritable,
)
from backfill.warehouse.bigquery.error_table import Effect, advice_of, documented

# Streamed rows can be replaced after 30 minutes (documented). A job without an event for five minutes
# counts as stalled; a statement that fails is not billed.
STREAMED = timedelta(minutes=4)
PACIFIC = ZoneInfo("America/Los_Angeles")
# After midnight, because an attempt before the quota is reset would cost another day.
AFTER_MIDNIGHT = timedelta(minutes=5)
CREDENTIALS = (
    "there are no Google credentials that work: name a key by GOOGLE_APPLICATION_CREDENTIALS, or use `gcloud auth "
    "application-default login`"
)
CUT = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    ConnectionError,
    TransportError,
)


class Stopped(WarehouseBusy):
    """A warehouse job was stopped on request."""


def as_warehouse_error(error: BaseException) -> WarehouseError:
    """Convert an exception of the client."""
    if isinstance(error, RetryError) and error.cause:
        return as_warehouse_error(error.cause)
    if isinstance(error, CUT):
        return WarehouseBusy(f"the connection to BigQuery broke: {_plain(str(error))}")
    if isinstance(error, GoogleAuthError):
        return WarehouseUnwritable(f"{CREDENTIALS} ({_plain(str(error))})")
    if isinstance(error, GoogleAPICallError):
        reasons = [e.get("reason", "") for e in error.errors if isinstance(e, dict)]
        return sorted_error(
            next(iter(reasons), error.reason or ""),
            str(error.message),
            int(error.code or 0),
            isinstance(error, TooManyRequests),
        )
    return WarehouseBusy(f"BigQuery request failed: {_plain(str(error))}")


def sorted_error(reason: str, message: str, code: int = 0, is_busy: bool = False) -> WarehouseError:
    """Convert BigQuery's reason, of a job or of a request with this HTTP status."""
    text = _plain(message)
    row = documented(reason, text)
    if row is None:
        return _undocumented(reason, text, code, is_busy=is_busy)
    advice = advice_of(row, text)
    full = f"{advice} ({text})" if advice else text
    match row.effect:
        case Effect.STOPPED:
            return Stopped(f"{advice}: {text}")
        case Effect.RETRY:
            return WarehouseBusy(full if advice else _busy(reason or code, text))
        case Effect.WAIT:
            return WarehouseClosed(full, datetime.now(UTC) + STREAMED)
        case Effect.UNTIL_MIDNIGHT:
            until = after_midnight(datetime.now(UTC))
            return WarehouseClosed(
                f"until {until:%Y-%m-%d %H:%M} UTC, {full}", until, pauses_job=True
            )
        case Effect.PAUSE:
            return WarehouseUnwritable(full)
        case Effect.FAIL:
            return StatementFailed(full)


def _undocumented(reason: str, text: str, code: int, *, is_busy: bool) -> WarehouseError:
    """Sort by the HTTP status, and keep BigQuery's sentence."""
    if is_busy or code >= 500:
        return WarehouseBusy(f"{reason}: {text}" if reason else _busy(code, text))
    if code == 401:
        return WarehouseUnwritable(f"{CREDENTIALS} ({text})")
    if code in (403, 404):  # concerns the project or a table, not a date
        return WarehouseUnwritable(text)
    return StatementFailed(text)


def after_midnight(at: datetime) -> datetime:
    """Return the time, in UTC, at which daily quotas have been reset after `at`."""
    tomorrow = at.astimezone(PACIFIC).date() + timedelta(days=1)
    midnight = datetime.combine(tomorrow, time(), PACIFIC)
    return midnight.astimezone(UTC) + AFTER_MIDNIGHT


def _plain(text: str) -> str:
    """Return the first line of a message, without the request that it names, and with the identifier
    by which an administrator finds a blocked request.
    """
    line = next((line for line in text.splitlines() if line.strip()), "no reason reported").strip()
    line = re.sub(r"^(?:GET|POST|PUT|PATCH|DELETE) https?://\S+ ", "", line).rstrip(". ")
    identifier = re.search(r"vpcServiceControlsUniqueIdentifier: [\w-]+", text)
    return f"{line}. {identifier[0]}" if identifier and identifier[0] not in line else line


def _busy(cause: object, text: str) -> str:
    return f"BigQuery is busy ({cause}): {text}"


@contextmanager
def api_errors() -> Iterator[None]:
    """Convert the client's exceptions to WarehouseError."""
    try:
        yield
    except (GoogleAPICallError, RetryError, GoogleAuthError, *CUT) as error:
        raise as_warehouse_error(error) from error
