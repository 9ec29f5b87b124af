"""Season audits: run them, store their findings, and let users mark findings."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils.timezone import now

from backfill.audit import findings_store, load
from backfill.audit.findings_store import keep
from backfill.audit.season_audit import SeasonAuditInput, seasons
from backfill.errors import Refused, WarehouseError
from backfill.execution import queue
from backfill.models import LONG_AGO, AuditResult, EventCause, Finding, Job, SeasonAudit, Worker
from backfill.models.finding import folded
from backfill.models.measure import Duration, Measured
from backfill.season_calendar import season_name, seasons_of
from backfill.status.latest_runs import input_version
from backfill.warehouse.season_cache import of_one_version
from validation.findings.kinds import Severity

T = TypeVar("T")
State = Finding.State
log = logging.getLogger(__name__)


def run_audit(start: date | None = None, end: date | None = None) -> list[SeasonAuditInput]:
    """Audit every season in the range, and store its findings. Raises WarehouseError."""
    return [_audit(audit) for audit in seasons(start, end)]


def _audit(audit: SeasonAuditInput) -> SeasonAuditInput:
    at, began = now(), time.perf_counter()
    audit, found, rows, inputs = of_one_version([audit.year], lambda: _compared(replace(audit)))
    load.release()
    with transaction.atomic():  # findings and counts of a season come from the same audit
        keep(found)
        findings_store.keep_results(audit, rows)
    figures = {
        "compared": len(audit.compared),
        "unexplained": audit.unexplained,
        "inputs": inputs,
    }
    seconds = time.perf_counter() - began
    SeasonAudit.objects.update_or_create(
        season=audit.year, defaults={"at": at, "seconds": seconds, **figures}
    )
    measured = Measured()
    measured.observe(Duration.AUDIT, seconds)
    measured.keep()
    return audit


def _compared(
    audit: SeasonAuditInput,
) -> tuple[SeasonAuditInput, findings_store.SeasonFindings, list[AuditResult], str]:
    found = findings_store.SeasonFindings(
        season=audit.year,
        findings=audit.findings(),
        newest_run=audit.newest_run,
        moving=frozenset(str(day) for _, day in audit.moving),
    )
    return audit, found, findings_store.results_of(audit), input_version(audit.year)


@contextmanager
def reading_ahead(job: Job) -> Iterator[None]:
    """Read the inputs that the audit of a job's first season needs in another thread during the
    block: the canary leaves a core idle.
    """

    def read() -> None:
        try:
            first = min(seasons_of(job.parsed_options), default=None)
            for season in seasons() if settings.AUDIT_AFTER_JOBS else ():
                if season.year == first:
                    season.read_inputs()
        except WarehouseError:
            log.info("the audit reads the inputs again", exc_info=True)
        finally:
            connection.close()  # Django opens one connection per thread

    with ThreadPoolExecutor(1) as pool:
        pool.submit(read)
        yield


def audit_due() -> int:
    """Audit the seasons with a job that ended after their last audit, and seasons never audited;
    return how many.
    """
    if not settings.AUDIT_AFTER_JOBS:
        return 0
    audited = dict(SeasonAudit.objects.values_list("season", "at"))
    due: set[int] = set()
    for job in Job.objects.filter(
        status__in=Job.ENDED, finished_at__gt=min(audited.values(), default=LONG_AGO)
    ):
        at = job.finished_at or LONG_AGO
        due |= {year for year in seasons_of(job.parsed_options) if at > audited.get(year, LONG_AGO)}
    found: list[SeasonAuditInput] | None = _tried(lambda: list(seasons())) if due else None
    pending = [season for season in found or () if season.year in due or season.year not in audited]
    return len([season for season in pending if _tried(partial(_audit, season)) is not None])


def _tried(do: Callable[[], T]) -> T | None:
    """Log a failed audit and return None: completed runs stay valid, and an unreadable season does
    not block the others.
    """
    try:
        return do()
    except WarehouseError as error:
        log.warning("audit failed (%s); the next sweep retries", error)
    except Exception:
        log.exception("audit failed; the next sweep retries")
    return None


def listed(
    start: date | None = None, end: date | None = None, *, everything: bool = False
) -> list[Finding]:
    """Return the findings with a date in the range and their roots, most severe first;
    `everything` includes settled and closed ones.
    """
    about = Finding.objects.about(start, end).order_by()
    found = Finding.objects.filter(
        Q(pk__in=about.values("pk")) | Q(pk__in=about.exclude(root=None).values("root"))
    )
    return list(
        found.order_by("-severity", "rank", "first", "pk") if everything else found.listed()
    )


def needs_attention(found: list[Finding]) -> bool:
    """True if an open finding is a problem or warning."""
    return any(f.severity > Severity.NOTE and f.state == State.OPEN for f, _ in folded(found))


def mark(finding: Finding, state: str, actor: str, reason: str) -> Finding:
    """Acknowledge a finding, mark it expected or fixed, or reopen it. Raises Refused."""
    if not reason.strip():
        raise Refused("a reason is required: add --reason TEXT")
    if finding.state == State.CLOSED:
        raise Refused(
            f"finding {finding.pk} is closed: its evidence is gone; "
            "it reopens when the evidence returns"
        )
    if finding.state == state:
        raise Refused(f"finding {finding.pk} is already {state}")
    fields = (
        {"marked_by": actor, "note": reason, "marked_at": now()}
        if state in Finding.MARKS
        else {"marked_by": "", "note": "", "marked_at": None}
    )
    cause = EventCause.OPERATOR
    if not finding.transition(
        (finding.state,), state, actor=actor, reason=reason, cause=cause, **fields
    ):
        raise Refused(f"another user just changed finding {finding.pk}; reload it and try again")
    return finding


def mark_all(findings: Sequence[Finding], state: str, actor: str, reason: str) -> None:
    """Mark several findings, all or none. Raises Refused for the first that cannot be marked."""
    with transaction.atomic():
        for finding in findings:
            mark(finding, state, actor, reason)


def audit_now(year: int) -> bool:
    """Request an audit from a worker, or run it here without one. True if it has run."""
    if Worker.alive(now()) and queue.enqueue_audit_season(year):
        return False
    audit_season(year)
    return True


def audit_season(year: int) -> None:
    """Audit one season as a whole. Raises WarehouseError, and Refused if the season is not loaded
    or has no date to audit.
    """
    day = date(year, 12, 31)  # within the season that began in this year
    if not run_audit(day, day):
        raise Refused(f"season {season_name(year)} is not loaded, or has no date to audit")
