"""Events: one row per change of state, with time, actor, change and reason."""

from __future__ import annotations

from django.db import models
from django.utils.timezone import now

SYSTEM = "backcourt"


class EventKind(models.TextChoices):
    """Kinds of events. Only a transition has a `from_state`; `created` has the first state as its
    `to_state`.
    """

    CREATED = "created"
    TRANSITION = "transition"
    PAUSE_ON_ERROR = "pause on error"  # switched on or off for a job
    FORCE_CANCEL = "force cancel"
    PREFLIGHT_OVERRIDE = "preflight override"
    CONCURRENCY_LIMIT = "concurrency limit"
    APPROVAL = "approval"
    REQUEUE = "requeue"  # of a batch
    OVERWRITTEN = "overwritten"  # run marked stale, because an unrecorded attempt wrote over it
    SET_ASIDE = "file set aside"  # a damaged history file
    LOADED = "Phase 3 load"
    PRUNED = "pruned"  # old rows were deleted


class EventCause(models.TextChoices):
    """Causes of a transition that later code decides by; blank for the ordinary course of a job,
    run, finding or launch.
    """

    OPERATOR = "operator"
    INTERRUPT = "interrupt"  # Ctrl-C
    PAUSE_ON_ERROR = "pause on error"
    CANARY = "canary"
    ERROR = "error"
    QUOTA = "quota"  # ends by itself at the time in the batch
    PROCESS_ENDED = "process ended"
    WORKER_LOST = "worker lost"
    RETRY = "retry"  # automatic, after a delay
    RUNS_FAILED = "runs failed"


# Pauses by the system; a job paused for one of these causes needs attention.
AUTOMATIC = (
    EventCause.PAUSE_ON_ERROR,
    EventCause.CANARY,
    EventCause.ERROR,
    EventCause.QUOTA,
    EventCause.PROCESS_ENDED,
)


class Event(models.Model):
    """Change of a run, of a job (no run), of a finding, of a launch, or of the limit for all jobs
    (none of these).

    `action` and `reason` are text for people; code decides by `kind`, the states, `cause` and
    `cause_run`.
    """

    job = models.ForeignKey("Job", models.CASCADE, null=True, related_name="events")
    run = models.ForeignKey("Run", models.CASCADE, null=True, related_name="events")
    finding = models.ForeignKey("Finding", models.CASCADE, null=True, related_name="events")
    launch = models.ForeignKey("Launch", models.CASCADE, null=True, related_name="events")
    at = models.DateTimeField(default=now)
    kind = models.CharField(max_length=20, choices=EventKind, default=EventKind.TRANSITION)
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12, blank=True)
    cause = models.CharField(max_length=20, choices=EventCause, blank=True)
    cause_run = models.ForeignKey(
        "Run", models.SET_NULL, null=True, related_name="+"
    )  # run that paused the job
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    reason = models.TextField(blank=True)

    class Meta:
        indexes = (
            models.Index(fields=["job", "at"]),
            models.Index(
                fields=["job"], condition=models.Q(run=None), name="events_of_the_job_itself"
            ),
        )

    def __str__(self) -> str:
        return f"{self.action} by {self.actor}"


def loaded_text(year: int) -> str:
    """Return the action of the event of a load."""
    return f"season {year} loaded"
