"""Launches that are kept: under a name, for later, or until a second person agrees."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from backfill.errors import Conflict, PlanChanged, Refused
from backfill.jobs.start import (
    OVERRIDE,
    Preview,
    Tell,
    check_ready,
    keep_quiet,
    preview_job,
    start_job,
)
from backfill.models import Event, EventCause, EventKind, Job, Launch
from backfill.plan import signed_plan
from backfill.plan.options import Options
from backfill.plan.planning import Plan

log = logging.getLogger(__name__)
State = Launch.State
LONGEST_NAME = 80
NOTHING_TO_DO = "everything is complete already, so nothing was started"


def approval_reason(plan: Plan, limit: int) -> str:
    """Why a second person has to agree to a plan: it has more dates, or overwrites more, than
    `limit`; else empty.
    """
    if (dates := len(plan.dates)) > limit:
        return f"it runs {dates:,} dates, and one person may start {limit:,}"
    if plan.overwrites > limit:
        return f"it overwrites {plan.overwrites:,} complete runs, and one person may overwrite {limit:,}"
    return ""


def passed_text(at: datetime) -> str:
    """The sentence that refuses a time in the past."""
    return f"{at:%Y-%m-%d %H:%M} UTC has passed already; name a time to come, or leave it out to start now"


def launch_backfill(
    options: Options,
    actor: str,
    *,
    start_at: datetime | None = None,
    limit: int | None = None,
    exempt: bool = False,
    previewed: str = "",
    computed: Preview | None = None,
    tell: Tell = keep_quiet,
) -> Job | Launch | None:
    """Start now what may start now; keep what is for later, or what a second person has to agree
    to.

    A Job was started; a Launch waits; None when everything is complete already. `limit` is
    settings.APPROVAL_THRESHOLD_DATES unless
    given, and whoever is `exempt` needs nobody. `computed` is the preview of these options, where
    the request has computed
    it already. Raises as `start` does; PlanChanged also for what is kept.
    """
    if start_at is not None and start_at <= now():
        raise Refused(passed_text(start_at))
    if start_at is None and exempt:
        return start_job(options, actor, previewed=previewed, computed=computed, tell=tell)
    found = computed or preview_job(options)
    reason = (
        ""
        if exempt
        else approval_reason(
            found.plan, settings.APPROVAL_THRESHOLD_DATES if limit is None else limit
        )
    )
    if start_at is None and not reason:
        return start_job(options, actor, previewed=previewed, computed=found, tell=tell)
    if previewed and (changes := signed_plan.changes_text(previewed, found.plan)):
        raise PlanChanged(changes)
    if (
        start_at is None
    ):  # a preflight that blocks now would only be heard of when somebody has agreed
        check_ready(found, OVERRIDE)
    return _keep(options, actor, State.WAITING, start_at=start_at, needs_approval=reason)


def _keep(options: Options, actor: str, state: str, **fields: object) -> Launch:
    with transaction.atomic():
        kept: Launch = Launch.objects.create(
            options=options.as_json(), actor=actor, state=state, **fields
        )
        reason = kept.needs_approval or options.reason
        Event.objects.create(
            launch=kept,
            kind=EventKind.CREATED,
            to_state=state,
            actor=actor,
            action=state,
            reason=reason,
        )
    return kept


# Presets


def list_presets() -> QuerySet[Launch]:
    """The saved launches, by name."""
    return Launch.objects.filter(state=State.SAVED).order_by("name")


def get_preset(name: str) -> Launch:
    """The saved launch of this name. Raises Refused."""
    if found := list_presets().filter(name=name.strip()).first():
        return found
    raise Refused(f"there is no preset {name.strip()!r}; {_names()}")


def _names() -> str:
    names = list(list_presets().values_list("name", flat=True))
    return f"there are {', '.join(map(repr, names))}" if names else "none has been saved yet"


def save_preset(name: str, options: Options, actor: str, *, replace: bool = False) -> Launch:
    """Keep options under a name, in the place of the preset of that name only if that is meant.
    Raises Refused.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise Refused(f"a preset's name has 1 to {LONGEST_NAME} characters, not {len(name)}")
    try:
        with transaction.atomic():
            if replace and (old := list_presets().filter(name=name).first()):
                old.transition((State.SAVED,), State.WITHDRAWN, actor=actor, reason="replaced")
            return _keep(options, actor, State.SAVED, name=name)
    except IntegrityError:
        other = list_presets().filter(name=name).first()
        by = f" by {other.actor}" if other else ""
        raise Refused(
            f"there is a preset {name!r}{by} already; replace it, or choose another name"
        ) from None


# What waits


def approve_launch(asked: Launch, actor: str, reason: str = "") -> Launch:
    """Agree to a launch; it starts at once when its time has come. Raises Refused, also for the one
    who asked for it.
    """
    asked = _waiting(asked, "approved")
    if not asked.needs_approval or asked.approved_by:
        raise Refused(
            f"{asked} needs no approval{f' any more, {asked.approved_by} has agreed' if asked.approved_by else ''}"
        )
    if actor == asked.actor:
        raise Refused(
            f"{actor} asked for {asked} and cannot agree to it as well; a second person has to"
        )
    with transaction.atomic():
        mine = Launch.objects.filter(pk=asked.pk, state=State.WAITING, approved_by="")
        if not mine.update(approved_by=actor):
            raise Refused(f"{asked} has just been decided by somebody else")
        Event.objects.create(
            launch=asked, kind=EventKind.APPROVAL, actor=actor, action="approved", reason=reason
        )
    if Launch.due(now()).filter(pk=asked.pk).exists():
        start_waiting(asked.pk)
    asked.refresh_from_db()
    return asked


def refuse_launch(asked: Launch, actor: str, reason: str) -> Launch:
    """Decline a launch, with the reason for the one who asked. Raises Refused."""
    asked = _waiting(asked, "refused")
    if not reason.strip():
        raise Refused(f"say why {asked} is refused; {asked.actor} will read it")
    if not _refused(
        asked,
        f"{actor} refused it: {reason}",
        actor=actor,
        reason=reason,
        cause=EventCause.OPERATOR,
    ):
        raise Refused(f"{asked} has just been decided by somebody else")
    return asked


def _refused(asked: Launch, message: str, *, actor: str, reason: str, cause: str = "") -> bool:
    old = (State.WAITING,)
    return asked.transition(
        old, State.REFUSED, actor=actor, reason=reason, cause=cause, outcome_message=message
    )


def withdraw_launch(asked: Launch, actor: str, reason: str = "") -> Launch:
    """Take back a launch that waits, or a preset. Raises Refused when it is neither any more."""
    asked = Launch.objects.get(pk=asked.pk)
    cause = EventCause.OPERATOR
    if not asked.transition(
        (State.WAITING, State.SAVED), State.WITHDRAWN, actor=actor, reason=reason, cause=cause
    ):
        raise Refused(_cannot(asked, "withdrawn"))
    return asked


def _waiting(asked: Launch, what: str) -> Launch:
    asked = Launch.objects.get(pk=asked.pk)
    if asked.state != State.WAITING:
        raise Refused(_cannot(asked, what))
    return asked


def _cannot(asked: Launch, what: str) -> str:
    asked.refresh_from_db()
    job = f" as job {asked.job_id}" if asked.job_id else ""
    return f"{asked} is {asked.state}{job} and cannot be {what} any more"


# What is due


def start_due(at: datetime) -> list[Job]:
    """Start what nothing holds back any more. One that cannot be tried now waits for the next time;
    it stops no other.
    """
    started = []
    for pk in Launch.due(at).values_list("pk", flat=True):
        try:
            started += [job] if (job := start_waiting(pk)) else []
        except Exception:  # the warehouse is busy, say: nobody has refused anything
            log.exception("launch %s could not be tried", pk)
    return started


def start_waiting(pk: int) -> Job | None:
    """Start one launch; None when it was refused (see `outcome_message`) or has just been started
    by another process.
    """
    asked = Launch.objects.get(pk=pk)
    try:
        # Nothing is claimed beforehand: that it has started is recorded with the job, or neither
        # is.
        job = start_job(asked.parsed_options, asked.actor, tie=partial(_begin, asked))
    except Refused as refused:
        _refused(asked, str(refused), actor=asked.actor, reason=str(refused))
        return None
    if job is None:
        _refused(asked, NOTHING_TO_DO, actor=asked.actor, reason=NOTHING_TO_DO)
    return job


def _begin(asked: Launch, job: Job) -> None:
    """Give a launch its job. Raises Conflict, so that there will be no job, when it is no longer
    waiting.
    """
    if not asked.transition(
        (State.WAITING,), State.STARTED, actor=asked.approved_by or asked.actor, job=job
    ):
        raise Conflict(f"{asked} has been started or withdrawn meanwhile")
