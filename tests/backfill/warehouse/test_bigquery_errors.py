from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, RefreshError

from backfill.errors import (
    StatementFailed,
    WarehouseBusy,
    WarehouseClosed,
    WarehouseError,
    WarehouseUnwritable,
)
from backfill.warehouse.bigquery.error_table import ROWS, documented
from backfill.warehouse.bigquery.errors import (
    Stopped,
    after_midnight,
    api_errors,
    as_warehouse_error,
    sorted_error,
)
from tests.backfill.warehouse.bigquery_server import MERGE, Failure, StandIn, session


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


# The documented bodies, one or more for each row: HTTP status (0 for the error of a job), reason and
# message; the class of the error, and its beginning.
TABLE = "backcourt-test:nba_precompute.team_defense_zone_analysis"
DENIED = f"Access Denied: Table {TABLE}: Permission bigquery.tables.%s denied on table {TABLE} (or it may not exist)."
CONSOLE = "https://console.developers.google.com/apis/api/%s/overview?project=7"
DISABLED = (
    "%s has not been used in project 7 before or it is disabled. Enable it by visiting "
    + CONSOLE
    + " then retry."
)
QUOTA = (
    "Custom quota exceeded: Your usage exceeded the custom quota for %s, which is set by your administrator. "
    "For more information, see https://cloud.google.com/bigquery/cost-controls"
)
BILLING = "enable billing for the project: `gcloud billing projects link PROJECT"
PERIMETER = "a VPC Service Controls perimeter blocks the request"
MISSING = (
    "the dataset or table is missing, or in another location; `manage.py create_tables --dry-run`"
)
BUSY = "BigQuery is busy ("
CASES = (
    (0, "stopped", "Job execution was cancelled: User requested cancellation", Stopped, "its job was stopped"),
    (0, "bytesBilledLimitExceeded", "Query exceeded limit for bytes billed: 1000000. 10485760 or higher required.",
     WarehouseUnwritable, "a statement would read more than BIGQUERY_MAX_BYTES allows; raise it"),
    (403, "billingNotEnabled", "Billing has not been enabled for this project. DML queries are not allowed in the free "
     "tier. Set up a billing account to remove this restriction.", WarehouseUnwritable, BILLING),
    (0, "usageQuotaExceeded", QUOTA % "QueryUsagePerDay", WarehouseClosed, "until 20"),
    (403, "quotaExceeded", QUOTA % "QueryUsagePerUserPerDay", WarehouseClosed, "until 20"),
    (403, "quotaExceeded", "Quota exceeded: Your project exceeded quota for free query bytes scanned. For more "
     "information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas", WarehouseUnwritable,
     "the free queries of this month are used up; enable billing"),
    (403, "accessNotConfigured", DISABLED % ("BigQuery API", "bigquery.googleapis.com"), WarehouseUnwritable,
     "enable the API: `gcloud services enable bigquery.googleapis.com`"),
    (403, "accessNotConfigured", DISABLED % ("BigQuery Storage API", "bigquerystorage.googleapis.com"),
     WarehouseUnwritable, "enable the API: `gcloud services enable bigquerystorage.googleapis.com`"),
    (400, "invalid", "The project backcourt-test has not enabled BigQuery.", WarehouseUnwritable, "enable the API: "),
    (403, "policyViolation", "VPC Service Controls: Request is prohibited by organization's policy.\n"
     "vpcServiceControlsUniqueIdentifier: XlFLBBM_Wstu6u3", WarehouseUnwritable, PERIMETER),
    (403, "forbidden", "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: VQQnKf",
     WarehouseUnwritable, PERIMETER),
    (400, "invalid", "Cannot read and write in different locations: source: US, destination: asia-northeast1",
     WarehouseUnwritable, "datasets are in different locations; `manage.py create_tables --dry-run` names them"),
    (404, "notFound", "Not found: Dataset backcourt-test:nba_reference was not found in location US",
     WarehouseUnwritable, MISSING),
    (0, "notFound", f"Not found: Table {TABLE} was not found in location US", WarehouseUnwritable, MISSING),
    (404, "notFound", "Not found: Job backcourt-test:backcourt-1", WarehouseBusy, "BigQuery does not find a job"),
    (404, "notFound", "Not found: Project nobody", WarehouseUnwritable, "WAREHOUSE_URL names a project that"),
    (404, "notFound", f"Not found: Table {TABLE}", WarehouseUnwritable, "`manage.py create_tables` creates missing"),
    (0, "invalidQuery", f"UPDATE or DELETE statement over table {TABLE} would affect rows in the streaming buffer, "
     "which is not supported", WarehouseClosed, "rows streamed in the last 30 minutes cannot be replaced yet"),
    (0, "invalidQuery", f"Could not serialize access to table {TABLE} due to concurrent update", WarehouseBusy, BUSY),
    (403, "accessDenied", f"Access Denied: Table {TABLE}: User does not have permission to query table {TABLE}, or "
     "perhaps it does not exist in location US.", WarehouseUnwritable, "the table is missing or not readable; if "),
    (403, "accessDenied", "Access Denied: Project backcourt-test: User does not have bigquery.jobs.create permission in "
     "project backcourt-test.", WarehouseUnwritable, "permission denied; grant roles/bigquery.jobUser on the project"),
    (403, "accessDenied", "request failed: the user does not have 'bigquery.readsessions.create' permission for "
     "'projects/backcourt-test'", WarehouseUnwritable,
     "permission denied; grant roles/bigquery.readSessionUser on the project"),
    (403, "accessDenied", "Access Denied: Project backcourt-test: User does not have bigquery.datasets.create permission "
     "in project backcourt-test.", WarehouseUnwritable, "permission denied; grant roles/bigquery.user on the project"),
    (403, "accessDenied", (DENIED % "getData").replace("nba_precompute", "nba_analytics"), WarehouseUnwritable,
     "permission denied; grant roles/bigquery.dataViewer on the dataset"),
    (403, "accessDenied", DENIED % "updateData", WarehouseUnwritable,
     "permission denied; grant roles/bigquery.dataEditor on the dataset"),
    (403, "accessDenied", "Access Denied: BigQuery BigQuery: Permission denied while getting Drive credentials.",
     WarehouseUnwritable, "Access Denied: BigQuery BigQuery: Permission denied while"),
    (403, "blocked", "Project backcourt-test is blocked", WarehouseUnwritable, "BigQuery blocks this operation for now"),
    (403, "rateLimitExceeded", "Exceeded rate limits: too many table update operations for this table", WarehouseBusy, BUSY),
    (0, "quotaExceeded", "Quota exceeded: Your table exceeded quota for imports or query appends per table",
     WarehouseBusy, BUSY),
    (503, "backendError", "Error encountered during execution. Retrying may solve the problem.", WarehouseBusy, BUSY),
    (0, "jobInternalError", "An internal error occurred", WarehouseBusy, BUSY),
    (0, "invalidQuery", "Unrecognized name: nope at [1:8]", StatementFailed, "Unrecognized name: nope"),
    (0, "resourcesExceeded", "Resources exceeded during query execution", StatementFailed, "Resources exceeded during"),
    (501, "notImplemented", "This feature is not implemented", StatementFailed, "This feature is not implemented"),
    # No row, so no advice: the sentence of the server.
    (403, "someNewReason", "Something new happened", WarehouseUnwritable, "Something new happened"),
    (400, "someNewReason", "Something new happened", StatementFailed, "Something new happened"),
    (0, "someNewReason", "Something new happened", WarehouseBusy, "someNewReason: Something new happened"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("status", "reason", "message", "kind", "says"), CASES, ids=[f"{c[1]}-{c[0]}" for c in CASES]
)
def test_a_documented_error_becomes_its_advice(
    server: StandIn,
    status: int,
    reason: str,
    message: str,
    kind: type[WarehouseError],
    says: str,
) -> None:
    server.failures = [Failure(reason, message, status)]
    with pytest.raises(WarehouseError) as raised:
        session(patience=0.02).jobs.run(MERGE, [])
    found = raised.value
    assert (type(found), "\n" in str(found), server.executed) == (kind, False, [])
    assert str(found).startswith(says)
    words = (
        ("XlFLBBM_Wstu6u3",) if "XlF" in message else (message.rstrip(".")[:60].splitlines()[0],)
    )
    assert all(word.rstrip(".") in str(found) for word in words)


def test_every_row_has_a_case_and_a_source() -> None:
    met = {documented(reason, message) for _, reason, message, *_ in CASES}
    assert [row.pattern for row in ROWS if row not in met] == []
    assert all(row.source.startswith("https://cloud.google.com/") for row in ROWS)


@pytest.mark.parametrize(
    "error", [DefaultCredentialsError("none found"), RefreshError("revoked")], ids=["none", "old"]
)
def test_credentials_that_do_not_work_say_how_to_give_others(error: Exception) -> None:
    found = as_warehouse_error(error)
    assert (type(found), found.retryable) == (WarehouseUnwritable, False)
    assert str(found).startswith("there are no Google credentials that work")


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


def test_midnight_is_pacific_time_in_summer_and_in_winter() -> None:
    summer, winter = datetime(2026, 7, 1, 6, tzinfo=UTC), datetime(2026, 1, 1, 20, tzinfo=UTC)
    assert after_midnight(summer) == datetime(2026, 7, 1, 7, 5, tzinfo=UTC)
    assert after_midnight(winter) == datetime(2026, 1, 2, 8, 5, tzinfo=UTC)
