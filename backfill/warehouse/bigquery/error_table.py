"""Documented errors of BigQuery: what each means for a job, and the next step.

`pattern` matches `reason: message`; the first row that matches decides. Only a documented error has
advice: any other keeps BigQuery's own sentence, because wrong advice is worse than none.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

ERRORS = "https://cloud.google.com/bigquery/docs/error-messages"
QUOTAS = "https://cloud.google.com/bigquery/docs/troubleshoot-quotas"
CUSTOM_QUOTAS = "https://cloud.google.com/bigquery/docs/custom-quotas"
COSTS = "https://cloud.google.com/bigquery/docs/best-practices-costs"
DML = "https://cloud.google.com/bigquery/docs/data-manipulation-language"
LOCATIONS = "https://cloud.google.com/bigquery/docs/locations"
ACCESS = "https://cloud.google.com/bigquery/docs/access-control"
JOBS = "https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs"
SERVICES = "https://cloud.google.com/service-usage/docs/enable-disable"
PERIMETERS = "https://cloud.google.com/vpc-service-controls/docs/retrieve-troubleshoot-errors"


class Effect(Enum):
    """Consequence for the job whose step met the error."""

    RETRY = "automatic retries, with growing delays"
    WAIT = "the batch waits, without using up a retry"
    UNTIL_MIDNIGHT = "the job pauses until midnight Pacific time, without using up a retry"
    PAUSE = "the job pauses until a person has fixed the cause"
    FAIL = "the dates fail; fewer dates per batch may succeed"
    STOPPED = "the step ends; its claim was taken or its job cancelled"


class DocumentedError(NamedTuple):
    """One row. `advice` is empty where BigQuery's sentence says it all; `{service}` is the API that
    the message names.
    """

    pattern: str
    effect: Effect
    advice: str
    source: str


def _grants(permission: str, role: str, *, where: str = "") -> DocumentedError:
    pattern = rf"{where}.*\b{permission}"
    return DocumentedError(
        pattern, Effect.PAUSE, f"permission denied; grant roles/bigquery.{role}", ACCESS
    )


ROWS = (
    DocumentedError(r"^stopped:", Effect.STOPPED, "its job was stopped", ERRORS),
    # Billing and quotas.
    DocumentedError(
        r"^bytesBilledLimitExceeded:|exceeded limit for bytes billed",
        Effect.PAUSE,
        "a statement would read more than BIGQUERY_MAX_BYTES allows; raise it",
        COSTS,
    ),
    DocumentedError(
        r"^billingNotEnabled:|billing has not been enabled for this project",
        Effect.PAUSE,
        "enable billing for the project: "
        "`gcloud billing projects link PROJECT --billing-account=ACCOUNT`",
        ERRORS,
    ),
    DocumentedError(
        r"^usageQuotaExceeded:|custom quota exceeded|\bQueryUsagePer(User)?(Per)?Day\b",
        Effect.UNTIL_MIDNIGHT,
        "a custom daily quota is used up; to continue earlier, raise it and resume",
        CUSTOM_QUOTAS,
    ),
    DocumentedError(
        r"exceeded quota for free query bytes scanned",
        Effect.PAUSE,
        "the free queries of this month are used up; enable billing for the project: "
        "`gcloud billing projects link PROJECT --billing-account=ACCOUNT`",
        QUOTAS,
    ),
    # Project, network and location.
    DocumentedError(
        r"^accessNotConfigured:|^SERVICE_DISABLED:|API has not been used in project"
        r"|has not enabled BigQuery",
        Effect.PAUSE,
        "enable the API: `gcloud services enable {service}`, then wait a few minutes",
        SERVICES,
    ),
    DocumentedError(
        r"^policyViolation:.*VPC Service Controls|^SECURITY_POLICY_VIOLATED:"
        r"|vpcServiceControlsUniqueIdentifier|^[^:]*: *VPC Service Controls:",
        Effect.PAUSE,
        "a VPC Service Controls perimeter blocks the request; ask its administrator to allow this "
        "service account and network, and name the identifier in the message",
        PERIMETERS,
    ),
    DocumentedError(
        r"cannot read and write in different locations",
        Effect.PAUSE,
        "datasets are in different locations; `manage.py create_tables --dry-run` names them: "
        "recreate them in one location",
        LOCATIONS,
    ),
    DocumentedError(
        r"not found: (dataset|table)\b.*was not found in location",
        Effect.PAUSE,
        "the dataset or table is missing, or in another location; "
        "`manage.py create_tables --dry-run` names both",
        LOCATIONS,
    ),
    DocumentedError(
        r"not found: job\b",
        Effect.RETRY,
        "BigQuery does not find a job of this step; the step is tried again",
        JOBS,
    ),
    DocumentedError(
        r"not found: project\b",
        Effect.PAUSE,
        "WAREHOUSE_URL names a project that does not exist or that this account cannot see",
        ERRORS,
    ),
    DocumentedError(
        r"not found: (dataset|table)\b",
        Effect.PAUSE,
        "`manage.py create_tables` creates missing tables",
        ERRORS,
    ),
    # Conflicts of writers.
    DocumentedError(
        r"would affect rows in the streaming buffer",
        Effect.WAIT,
        "rows streamed in the last 30 minutes cannot be replaced yet",
        DML,
    ),
    DocumentedError(
        r"could not serialize|concurrent (update|write)|transaction is aborted"
        r"|too many dml statements",
        Effect.RETRY,
        "",
        DML,
    ),
    # Permissions.
    DocumentedError(
        r"does not have permission to query table.*or perhaps it does not exist",
        Effect.PAUSE,
        "the table is missing or not readable; if `manage.py create_tables --dry-run` does not "
        "list it as missing, grant bigquery.tables.getData on it",
        ACCESS,
    ),
    _grants(r"bigquery\.jobs\.create\b", "jobUser on the project"),
    _grants(r"bigquery\.readsessions\.", "readSessionUser on the project"),
    _grants(r"bigquery\.datasets\.create\b", "user on the project"),
    _grants(
        r"bigquery\.(tables\.(get|getData|list)|datasets\.get)\b",
        "dataViewer on the dataset",
        where=r"(?=.*\bnba_analytics\b)",
    ),
    _grants(
        r"bigquery\.(tables\.(create|delete|get|getData|list|update|updateData)"
        r"|datasets\.get)\b",
        "dataEditor on the dataset",
    ),
    DocumentedError(r"^accessDenied:", Effect.PAUSE, "", ERRORS),
    DocumentedError(
        r"^blocked:",
        Effect.PAUSE,
        "BigQuery blocks this operation for now; contact Google Cloud support",
        ERRORS,
    ),
    # Limits and faults of the service.
    DocumentedError(
        r"^(rateLimitExceeded|jobRateLimitExceeded|quotaExceeded|concurrentUpdate):",
        Effect.RETRY,
        "",
        QUOTAS,
    ),
    DocumentedError(
        r"^(backendError|internalError|jobBackendError|jobInternalError|badGateway"
        r"|tableUnavailable|resourceInUse):",
        Effect.RETRY,
        "",
        ERRORS,
    ),
    DocumentedError(
        r"^(invalid|invalidQuery|resourcesExceeded|responseTooLarge|notImplemented|timeout):",
        Effect.FAIL,
        "",
        ERRORS,
    ),
)


def documented(reason: str, message: str) -> DocumentedError | None:
    """Return the first row that matches."""
    text = f"{reason}: {message}"
    return next((row for row in ROWS if re.search(row.pattern, text, re.IGNORECASE)), None)


def advice_of(row: DocumentedError, message: str) -> str:
    """Return the advice for this message."""
    named = re.search(r"/apis/(?:api|library)/([\w-]+\.googleapis\.com)", message)
    return row.advice.replace("{service}", named[1] if named else "bigquery.googleapis.com")
