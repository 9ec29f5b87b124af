"""Judge seasons, keep what there is to look at, and let a person say what he makes of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.utils.timezone import now

from backfill.errors import Refused, WarehouseError
from backfill.judging import keeping, reading
from backfill.judging.judgement import Judgement, seasons
from backfill.judging.keeping import keep
from backfill.models import Finding, Job, Judged
from backfill.models.runs import LONG_AGO
from validation.findings import Severity

T = TypeVar("T")
State = Finding.State
log = logging.getLogger(__name__)


def triage(start: date | None = None, end: date | None = None) -> list[Judgement]:
    """Judge every season that the range touches, and keep its Findings. Raises WarehouseError."""
    return [_judge(judgement) for judgement in seasons(start, end)]


def _judge(judgement: Judgement) -> Judgement:
    at, began = now(), time.perf_counter()
    moving = frozenset(str(day) for _, day in judgement.moving)
    keep(keeping.SeasonFindings(judgement.year, judgement.findings(), judgement.newest_run, moving))
    reading.release()
    figures = {"compared": len(judgement.compared), "unexplained": judgement.unexplained}
    seconds = time.perf_counter() - began
    Judged.objects.update_or_create(season=judgement.year, defaults={"at": at, "seconds": seconds, **figures})
    return judgement


def judge_due() -> int:
    """Judge the seasons in which a job has ended since they were last judged, and such as never were; return how many."""
    if not settings.JUDGE_AFTER_JOBS:
        return 0
    judged = dict(Judged.objects.values_list("season", "at"))
    due: set[int] = set()
    for job in Job.objects.filter(status__in=Job.ENDED, finished_at__gt=min(judged.values(), default=LONG_AGO)):
        at = job.finished_at or LONG_AGO
        due |= {year for year in job.parsed_options.seasons if at > judged.get(year, LONG_AGO)}
    found: list[Judgement] | None = _tried(lambda: list(seasons())) if due else None
    wanted = [j for j in found or () if j.year in due or j.year not in judged]
    return len([j for j in wanted if _tried(partial(_judge, j)) is not None])


def _tried(do: Callable[[], T]) -> T | None:
    """What has been run stands, whether or not it can be judged; a season that cannot be read keeps no other from it."""
    try:
        return do()
    except WarehouseError as error:
        log.warning("what has ended cannot be judged now (%s); the next sweep tries again", error)
    except Exception:
        log.exception("what has ended cannot be judged now; the next sweep tries again")
    return None


def listed(start: date | None = None, end: date | None = None, *, everything: bool = False) -> list[Finding]:
    """The Findings with a date in the range, worst first; `everything` also those that are settled or closed."""
    found = Finding.objects.about(start, end)
    return list(found.order_by("-severity", "rank", "first", "pk") if everything else found.listed())


def wants_somebody(found: list[Finding]) -> bool:
    """Whether any of them is open and more than a note."""
    return any(f.severity > Severity.NOTE and f.state == State.OPEN for f in found)


def mark(finding: Finding, state: str, who: str, why: str) -> Finding:
    """Acknowledge a Finding, mark it expected or fixed, or open it again. Raises Refused."""
    if not why.strip():
        raise Refused("say why: add --reason TEXT, it is kept with the finding")
    if finding.state == State.CLOSED:
        raise Refused(f"finding {finding.pk} is closed: its evidence is gone; it opens by itself when that returns")
    if finding.state == state:
        raise Refused(f"finding {finding.pk} is {state} already")
    others = {s.value for s in State} - {State.CLOSED, state}
    said = (
        {"marked_by": who, "note": why, "marked_at": now()}
        if state in Finding.MARKS
        else {"marked_by": "", "note": "", "marked_at": None}
    )
    if not finding.move(others, state, who, why, **said):
        raise Refused(f"finding {finding.pk} has just been changed by somebody else; look at it again")
    return finding
