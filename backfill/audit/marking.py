"""Judge seasons, keep what there is to look at, and let a person say what he makes of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from backfill.audit import findings_store, load, stored_results
from backfill.audit.findings_store import keep
from backfill.audit.season_audit import SeasonAuditInput, seasons
from backfill.errors import Refused, WarehouseError
from backfill.execution import queue
from backfill.models import EventCause, Finding, Job, SeasonAudit, Worker
from backfill.models.run import LONG_AGO
from backfill.season_calendar import season_name
from validation.findings.kinds import Severity

T = TypeVar("T")
State = Finding.State
log = logging.getLogger(__name__)


def run_audit(start: date | None = None, end: date | None = None) -> list[SeasonAuditInput]:
    """Judge every season that the range touches, and keep its Findings. Raises WarehouseError."""
    return [_judge(judgement) for judgement in seasons(start, end)]


def _judge(judgement: SeasonAuditInput) -> SeasonAuditInput:
    at, began = now(), time.perf_counter()
    moving = frozenset(str(day) for _, day in judgement.moving)
    found = findings_store.SeasonFindings(
        judgement.year, judgement.findings(), judgement.newest_run, moving
    )
    rows = stored_results.of(judgement)
    load.release()
    with (
        transaction.atomic()
    ):  # what is said of a season and what is counted in it are of one judgement
        keep(found)
        stored_results.keep(judgement, rows)
    figures = {"compared": len(judgement.compared), "unexplained": judgement.unexplained}
    seconds = time.perf_counter() - began
    SeasonAudit.objects.update_or_create(
        season=judgement.year, defaults={"at": at, "seconds": seconds, **figures}
    )
    return judgement


def audit_due() -> int:
    """Judge the seasons in which a job has ended since they were last judged, and such as never
    were; return how many.
    """
    if not settings.AUDIT_AFTER_JOBS:
        return 0
    judged = dict(SeasonAudit.objects.values_list("season", "at"))
    due: set[int] = set()
    for job in Job.objects.filter(
        status__in=Job.ENDED, finished_at__gt=min(judged.values(), default=LONG_AGO)
    ):
        at = job.finished_at or LONG_AGO
        due |= {year for year in job.parsed_options.seasons if at > judged.get(year, LONG_AGO)}
    found: list[SeasonAuditInput] | None = _tried(lambda: list(seasons())) if due else None
    wanted = [j for j in found or () if j.year in due or j.year not in judged]
    return len([j for j in wanted if _tried(partial(_judge, j)) is not None])


def _tried(do: Callable[[], T]) -> T | None:
    """What has been run stands, whether or not it can be judged; a season that cannot be read keeps
    no other from it.
    """
    try:
        return do()
    except WarehouseError as error:
        log.warning("what has ended cannot be judged now (%s); the next sweep tries again", error)
    except Exception:
        log.exception("what has ended cannot be judged now; the next sweep tries again")
    return None


def listed(
    start: date | None = None, end: date | None = None, *, everything: bool = False
) -> list[Finding]:
    """The Findings with a date in the range, worst first; `everything` also those that are settled
    or closed.
    """
    found = Finding.objects.about(start, end)
    return list(
        found.order_by("-severity", "rank", "first", "pk") if everything else found.listed()
    )


def needs_attention(found: list[Finding]) -> bool:
    """Whether any of them is open and more than a note."""
    return any(f.severity > Severity.NOTE and f.state == State.OPEN for f in found)


def mark(finding: Finding, state: str, actor: str, reason: str) -> Finding:
    """Acknowledge a Finding, mark it expected or fixed, or open it again. Raises Refused."""
    if not reason.strip():
        raise Refused("say why: add --reason TEXT, it is kept with the finding")
    if finding.state == State.CLOSED:
        raise Refused(
            f"finding {finding.pk} is closed: its evidence is gone; it opens by itself when that returns"
        )
    if finding.state == state:
        raise Refused(f"finding {finding.pk} is {state} already")
    said = (
        {"marked_by": actor, "note": reason, "marked_at": now()}
        if state in Finding.MARKS
        else {"marked_by": "", "note": "", "marked_at": None}
    )
    cause = EventCause.OPERATOR
    if not finding.transition(
        (finding.state,), state, actor=actor, reason=reason, cause=cause, **said
    ):
        raise Refused(
            f"finding {finding.pk} has just been changed by somebody else; look at it again"
        )
    return finding


def mark_all(findings: Sequence[Finding], state: str, actor: str, reason: str) -> None:
    """Mark several at once, all or none. Raises Refused, which names the one that cannot be."""
    with transaction.atomic():
        for finding in findings:
            mark(finding, state, actor, reason)


def audit_now(year: int) -> bool:
    """Have a worker judge a season; judge it here when nobody else can. True when it has been
    judged already.
    """
    if Worker.alive(now()) and queue.enqueue_audit_season(year):
        return False
    audit_season(year)
    return True


def audit_season(year: int) -> None:
    """Judge one season as a whole. Raises WarehouseError, and Refused when it is not loaded or has
    no date to judge.
    """
    day = date(year, 12, 31)  # season_year of the turn of the year is the season that began in it
    if not run_audit(day, day):
        raise Refused(
            f"season {season_name(year)} is not loaded, or has no date that could be judged"
        )
