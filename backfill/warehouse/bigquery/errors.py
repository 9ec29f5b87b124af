"""BigQuery errors as an operator's next step: wait, or what to grant, create or set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from google.api_core.exceptions import GoogleAPICallError, RetryError, TooManyRequests
from google.auth.exceptions import GoogleAuthError, TransportError

from backfill.errors import StatementFailed, WarehouseBusy, WarehouseError, WarehouseUnwritable

LATER = {
    "rateLimitExceeded",
    "quotaExceeded",
    "jobRateLimitExceeded",
    "backendError",
    "internalError",
    "jobBackendError",
    "jobInternalError",
    "badGateway",
    "tableUnavailable",
    "concurrentUpdate",
}
# Fewer dates per batch may succeed.
TOO_LARGE = ("resourcesExceeded", "responseTooLarge")
# BigQuery reports these as `invalidQuery` too.
CONFLICT = re.compile(
    r"could not serialize|concurrent (?:update|write)|transaction is aborted|too many dml statements",
    re.I,
)
ROLES = (
    ("bigquery.jobs.", "roles/bigquery.jobUser on the project"),
    ("bigquery.readsessions.", "roles/bigquery.readSessionUser on the project"),
    ("bigquery.", "roles/bigquery.dataEditor on the dataset"),
)
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
            next(iter(reasons), ""),
            str(error.message),
            int(error.code or 0),
            isinstance(error, TooManyRequests),
        )
    return WarehouseBusy(f"BigQuery request failed: {_plain(str(error))}")


def sorted_error(reason: str, message: str, code: int = 0, is_busy: bool = False) -> WarehouseError:
    """Convert BigQuery's reason, of a job or of a request with this HTTP status."""
    text = _plain(message)
    if reason == "stopped":
        return Stopped(f"its job was stopped: {text}")
    if reason == "bytesBilledLimitExceeded":  # reported with a status of 500
        return WarehouseUnwritable(
            f"a statement would read more than BIGQUERY_MAX_BYTES allows; raise it ({text})"
        )
    if reason in LATER or is_busy or code >= 500 or CONFLICT.search(text):
        return WarehouseBusy(f"BigQuery is busy ({reason or code}): {text}")
    if reason in TOO_LARGE:
        return StatementFailed(text)
    if reason in ("accessDenied", "forbidden") or code == 403:
        return WarehouseUnwritable(f"permission denied; grant {_role(text)} ({text})")
    if reason == "notFound" or code == 404:
        return _not_found(text)
    if code == 401:
        return WarehouseUnwritable(f"{CREDENTIALS} ({text})")
    return StatementFailed(text)


def _not_found(text: str) -> WarehouseError:
    if re.search(r"\bproject\b(?!s/)[: ]", text, re.I) and not re.search(
        r"\b(?:table|dataset)\b", text, re.I
    ):
        return WarehouseUnwritable(
            f"WAREHOUSE_URL names a project that does not exist, or that is in another location ({text})"
        )
    return WarehouseUnwritable(f"`manage.py create_tables` creates missing tables ({text})")


def _role(text: str) -> str:
    return next((role for permission, role in ROLES if permission in text), ROLES[-1][1])


def _plain(text: str) -> str:
    """Return the first line of a message, without the request that it names."""
    line = next((line for line in text.splitlines() if line.strip()), "no reason reported").strip()
    return re.sub(r"^(?:GET|POST|PUT|PATCH|DELETE) https?://\S+ ", "", line).rstrip(". ")


@contextmanager
def api_errors() -> Iterator[None]:
    """Convert the client's exceptions to WarehouseError."""
    try:
        yield
    except (GoogleAPICallError, RetryError, GoogleAuthError, *CUT) as error:
        raise as_warehouse_error(error) from error
