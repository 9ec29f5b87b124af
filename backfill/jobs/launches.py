"""Stored launches: presets, scheduled launches and launches awaiting approval."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from backfill import logs
from backfill.errors import Conflict, PlanChanged, Refused
from backfill.jobs.approval import approval_needed
from backfill.jobs.start import (
    OVERRIDE,
    Confirm,
    Preview,
    check_ready,
    confirmed,
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
JUST_DECIDED = "was just decided by another operator; reload to see the decision"
NOTHING_TO_DO = "nothing to run: all dates are complete"


def passed_text(at: datetime) -> str:
    """Return the refusal of a time in the past."""
    return f"{at:%Y-%m-%d %H:%M} UTC is in the past; set a later time, or none to start now"


def launch_backfill(
    options: Options,
    actor: str,
    *,
    start_at: datetime | None = None,
    limit: int | None = None,
    exempt: bool = False,
    previewed: str = "",
    computed: Preview | None = None,
    confirm: Confirm = confirmed,
) -> Job | Launch | None:
    """Start a job, or store a launch with a start time or one that needs approval.

    Return the started Job, the pending Launch, or None if all dates are complete. `limit` defaults
    to settings.APPROVAL_THRESHOLD_DATES; an `exempt` actor needs no approval. `computed` is a
    preview of these options from the same request. Raises as `start_job` does; PlanChanged also
    for a stored launch.
    """
    if start_at is not None and start_at <= now():
        raise Refused(passed_text(start_at))
    if start_at is None and exempt:
        return start_job(
            options,
            actor,
            previewed=previewed,
            computed=computed,
            confirm=confirm,
        )
    preview = computed or preview_job(options)
    limit = settings.APPROVAL_THRESHOLD_DATES if limit is None else limit
    reason = "" if exempt else approval_needed(preview.plan, actor, start_at or now(), limit=limit)
    if start_at is None and not reason:
        return start_job(
            options,
            actor,
            previewed=previewed,
            computed=preview,
            on_created=partial(_check_parallel, preview.plan, limit),
            confirm=confirm,
        )
    if previewed and (changes := signed_plan.changes_text(previewed, preview.plan)):
        raise PlanChanged(changes)
    # Otherwise a blocked preflight would only show after the approval.
    if start_at is None:
        check_ready(preview, OVERRIDE)
    confirm(preview)
    return _keep(options, actor, State.WAITING, start_at=start_at, needs_approval=reason)


def _check_parallel(plan: Plan, limit: int, job: Job) -> None:
    """Raise Conflict, which rolls back the job, if jobs started in parallel exceed the limit.

    Starts are serialized here by the lock of `create`.
    """
    if reason := approval_needed(plan, job.actor, now(), limit=limit, without=job):
        raise Conflict(f"{reason}; another job was just started: reload the preview")


def _keep(options: Options, actor: str, state: str, **fields: object) -> Launch:
    with transaction.atomic():
        kept: Launch = Launch.objects.create(
            options=options.as_json(),
            actor=actor,
            state=state,
            request_id=logs.current("request"),
            **fields,
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
    """Return the saved launches by name."""
    return Launch.objects.filter(state=State.SAVED).order_by("name")


def get_preset(name: str) -> Launch:
    """Return the saved launch of this name. Raises Refused."""
    if preset := list_presets().filter(name=name.strip()).first():
        return preset
    raise Refused(f"there is no preset {name.strip()!r}; {_names()}")


def _names() -> str:
    names = list(list_presets().values_list("name", flat=True))
    return f"choose from {', '.join(map(repr, names))}" if names else "no preset is saved"


def save_preset(name: str, options: Options, actor: str, *, replace: bool = False) -> Launch:
    """Save options under a name; `replace` overwrites a preset of that name. Raises Refused."""
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


# Pending launches


def approve_launch(
    launch: Launch, actor: str, reason: str = "", *, confirm: Confirm = confirmed
) -> Launch:
    """Approve a launch; a launch without a later start time starts now.

    `confirm` receives its current plan, if it has one. Raises Refused, also for the actor who
    requested it.
    """
    launch = _waiting(launch, "approved")
    if launch.approved_by:
        raise Refused(f"{launch} is already approved by {launch.approved_by}")
    if not launch.needs_approval:
        raise Refused(f"{launch} needs no approval")
    if actor == launch.actor:
        raise Refused(
            f"{actor} requested {launch} and cannot approve it; another operator must approve it"
        )
    _confirm_current(launch, confirm)
    with transaction.atomic():
        mine = Launch.objects.filter(pk=launch.pk, state=State.WAITING, approved_by="")
        if not mine.update(approved_by=actor):
            raise Refused(f"{launch} {JUST_DECIDED}")
        Event.objects.create(
            launch=launch, kind=EventKind.APPROVAL, actor=actor, action="approved", reason=reason
        )
    if Launch.due(now()).filter(pk=launch.pk).exists():
        start_waiting(launch.pk)
    launch.refresh_from_db()
    return launch


def _confirm_current(launch: Launch, confirm: Confirm) -> None:
    try:
        preview = preview_job(launch.parsed_options)
    except Refused:  # its start says why it has no plan
        return
    confirm(preview)


def refuse_launch(launch: Launch, actor: str, reason: str) -> Launch:
    """Refuse a launch, with a reason for its requester. Raises Refused."""
    launch = _waiting(launch, "refused")
    if not reason.strip():
        raise Refused(f"refusing {launch} requires a reason; {launch.actor} will see it")
    if not _refused(
        launch,
        f"{actor} refused it: {reason}",
        actor=actor,
        reason=reason,
        cause=EventCause.OPERATOR,
    ):
        raise Refused(f"{launch} {JUST_DECIDED}")
    return launch


def _refused(launch: Launch, message: str, *, actor: str, reason: str, cause: str = "") -> bool:
    old = (State.WAITING,)
    return launch.transition(
        old, State.REFUSED, actor=actor, reason=reason, cause=cause, outcome_message=message
    )


def withdraw_launch(launch: Launch, actor: str, reason: str = "") -> Launch:
    """Withdraw a pending launch or a preset. Raises Refused in any other state."""
    launch = Launch.objects.get(pk=launch.pk)
    cause = EventCause.OPERATOR
    if not launch.transition(
        (State.WAITING, State.SAVED), State.WITHDRAWN, actor=actor, reason=reason, cause=cause
    ):
        raise Refused(_cannot(launch, "withdrawn"))
    return launch


def _waiting(launch: Launch, done: str) -> Launch:
    launch = Launch.objects.get(pk=launch.pk)
    if launch.state != State.WAITING:
        raise Refused(_cannot(launch, done))
    return launch


def _cannot(launch: Launch, done: str) -> str:
    launch.refresh_from_db()
    job = f" as job {launch.job_id}" if launch.job_id else ""
    return f"{launch} is {launch.state}{job} and can no longer be {done}"


# Due launches


def start_due(at: datetime) -> list[Job]:
    """Start due launches. A launch that raises stays pending, and the others still start."""
    started = []
    for pk in Launch.due(at).values_list("pk", flat=True):
        try:
            started += [job] if (job := start_waiting(pk)) else []
        except Exception:  # not a refusal, for example a busy warehouse: the next sweep tries again
            log.exception("starting launch %s failed; the next sweep tries again", pk)
    return started


def start_waiting(pk: int) -> Job | None:
    """Start one launch and return its job.

    Return None when it was refused (see `outcome_message`) or another process started it.
    """
    launch = Launch.objects.get(pk=pk)
    try:
        # One transaction creates the job and records the start, so no claim is needed.
        with logs.about(request=launch.request_id):
            job = start_job(launch.parsed_options, launch.actor, on_created=partial(_begin, launch))
    except Refused as refused:
        _refused(launch, str(refused), actor=launch.actor, reason=str(refused))
        return None
    if job is None:
        _refused(launch, NOTHING_TO_DO, actor=launch.actor, reason=NOTHING_TO_DO)
    return job


def _begin(launch: Launch, job: Job) -> None:
    """Link a launch to its job. Raises Conflict, which rolls back the job, if it is not pending."""
    if not launch.transition(
        (State.WAITING,), State.STARTED, actor=launch.approved_by or launch.actor, job=job
    ):
        raise Conflict(f"{launch} was just started or withdrawn; reload to see its state")
