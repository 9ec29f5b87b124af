from __future__ import annotations

from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, RefreshError

from backfill.errors import StatementFailed, WarehouseBusy, WarehouseError, WarehouseUnwritable
from backfill.warehouse.bigquery.errors import Stopped, api_errors, as_warehouse_error, sorted_error


def refused(kind: Any, message: str, reason: str = "") -> Exception:
    return kind(message, errors=[{"reason": reason, "message": message}] if reason else [])


@pytest.mark.parametrize(
    "error",
    [
        refused(exceptions.TooManyRequests, "slow down"),
        refused(exceptions.ServiceUnavailable, "come back later"),
        refused(exceptions.InternalServerError, "oh", "backendError"),
        refused(exceptions.Forbidden, "Exceeded rate limits", "rateLimitExceeded"),
        refused(exceptions.Forbidden, "Quota exceeded", "quotaExceeded"),
        refused(exceptions.BadRequest, "Job exceeded rate limits", "jobRateLimitExceeded"),
        refused(
            exceptions.BadRequest,
            "Could not serialize access to table x due to concurrent update",
            "invalidQuery",
        ),
        requests.ConnectionError("reset by peer"),
        requests.exceptions.ChunkedEncodingError("cut"),
        requests.Timeout("too slow"),
        exceptions.RetryError("gave up", cause=exceptions.ServiceUnavailable("still")),
    ],
    ids=lambda e: type(e).__name__,
)
def test_what_may_work_later_is_busy(error: Exception) -> None:
    found = as_warehouse_error(error)
    assert (type(found), found.retryable) == (WarehouseBusy, True)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (refused(exceptions.BadRequest, "Unrecognized name: nope", "invalidQuery"), StatementFailed, "Unrecognized name"),
        (refused(exceptions.BadRequest, "Resources exceeded", "resourcesExceeded"), StatementFailed, "Resources exceeded"),
        (
            refused(exceptions.Forbidden, "Permission bigquery.tables.updateData denied on table p:d.t", "accessDenied"),
            WarehouseUnwritable, "grant roles/bigquery.dataEditor on the dataset",
        ),
        (
            refused(exceptions.Forbidden, "User does not have bigquery.jobs.create permission in project p", "accessDenied"),
            WarehouseUnwritable, "grant roles/bigquery.jobUser on the project",
        ),
        (
            refused(exceptions.NotFound, "Not found: Dataset p:nba_analytics was not found in location EU", "notFound"),
            WarehouseUnwritable, "`manage.py create_tables` creates missing tables",
        ),
        (
            refused(exceptions.NotFound, "Not found: Project nobody", "notFound"),
            WarehouseUnwritable, "WAREHOUSE_URL names a project that does not exist",
        ),
        (
            refused(exceptions.InternalServerError, "Query exceeded limit for bytes billed: 1.", "bytesBilledLimitExceeded"),
            WarehouseUnwritable, "BIGQUERY_MAX_BYTES",
        ),
        (DefaultCredentialsError("none found"), WarehouseUnwritable, "no Google credentials that work"),
        (RefreshError("revoked"), WarehouseUnwritable, "no Google credentials that work"),
    ],
    ids=["bad SQL", "too large", "may not write", "may not ask", "no dataset", "no project", "limit", "no key", "old key"],
)  # fmt: skip
def test_what_waiting_does_not_cure_says_what_does(
    error: Exception, kind: type[WarehouseError], says: str
) -> None:
    found = as_warehouse_error(error)
    assert (type(found), found.retryable) == (kind, False)
    assert says in str(found)
    assert "\n" not in str(found)


def test_only_a_statement_that_failed_may_succeed_for_fewer_dates() -> None:
    assert sorted_error("invalidQuery", "no").concerns_dates
    assert not sorted_error("accessDenied", "no").concerns_dates


def test_a_job_that_somebody_stopped_is_told_from_one_that_failed() -> None:
    assert isinstance(sorted_error("stopped", "Job execution was cancelled"), Stopped)


def test_the_address_of_a_request_is_left_out() -> None:
    error = refused(
        exceptions.BadRequest, "POST https://bigquery.googleapis.com/x?a=b: Syntax error"
    )
    assert str(as_warehouse_error(error)) == "Syntax error"


def test_an_error_of_our_own_is_not_turned_into_one_of_the_warehouse() -> None:
    with pytest.raises(ZeroDivisionError), api_errors():
        raise ZeroDivisionError
