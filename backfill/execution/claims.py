"""Taking a step: only one attempt at a time may run it, and only while its claim stands may it
write or record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from backfill import process_id
from backfill.errors import Superseded
from backfill.execution import dispatch
from backfill.execution.execute import Step
from backfill.execution.orphans import cancel_orphans
from backfill.models import Batch, Job, Run, RunQuerySet, record_transitions
from backfill.processors.registry import PROCESSORS
from backfill.processors.render import sql_hash
from backfill.version import code_version
from backfill.warehouse.port import Work
from validation.season import Calendar, season_year


@dataclass(frozen=True)
class Attempt:
    """A step that this process has claimed: its runs, in the order of their dates."""

    job: Job
    batch: Batch
    code: str
    claim: str
    runs: list[Run]
    started_at: datetime
    actor: str
    key: str = ""  # of what it does in the warehouse: that of the attempt before it, where it goes on with that
    known: tuple[str, ...] = ()  # what that one began there
    begun: list[str] = field(default_factory=list)

    def work(self, inputs: str = "") -> Work:
        """On whose behalf the warehouse works; over other `inputs` it is other work."""
        version = {"code_version": code_version()} if code_version() else {}
        labels = {
            "job": str(self.job.pk),
            "batch": str(self.batch.number),
            "processor": self.code,
            **version,
        }
        return Work(f"{self.key} {inputs}", labels, self.known, self._note)

    def _note(self, name: str) -> None:
        """Keep the name of what is about to begin in the warehouse. Raises Superseded when the
        claim no longer stands.
        """
        if name not in self.begun:
            self.begun.append(name)
        begun = {
            "key": self.key,
            "at": self.started_at.isoformat(),
            "runs": len(self.runs),
            "names": self.begun,
        }
        if self.held.update(warehouse_jobs=begun) != len(self.runs):
            raise Superseded

    @property
    def held(self) -> RunQuerySet:
        """The runs that still carry the claim."""
        runs = Run.objects.filter(
            job=self.job, batch=self.batch.number, processor=self.code, claim=self.claim
        )
        return runs.filter(status=Run.Status.RUNNING)

    def check_held(self) -> None:
        """Raise Superseded when somebody has taken the runs back: a sweep, or a person who
        cancelled.
        """
        if self.held.count() != len(self.runs):
            raise Superseded

    def running(self) -> list[Run]:
        """The runs that nothing has settled yet."""
        return [r for r in self.runs if r.status == Run.Status.RUNNING]

    def step(self, runs: Sequence[Run], calendar: Calendar) -> Step:
        """What is to be executed for some of the runs."""
        ids: dict[date, str] = {r.date: r.run_id for r in runs}
        start = calendar.starts[season_year(runs[0].date)]
        mode = self.job.parsed_options.backfill_mode
        return Step(PROCESSORS[self.code], tuple(ids), start, self.started_at, ids, mode)


def claim_step(batch: Batch, code: str, claim: str, actor: str) -> Attempt | None:
    """Take what is pending of a step; None when there is nothing, or when it is not for the holder
    of this lease to take.
    """
    started_at = now()
    with transaction.atomic():
        job = Job.locked(batch.job_id)
        lease = Batch.objects.filter(pk=batch.pk, lease=batch.lease, status=Batch.Status.IN_FLIGHT)
        if job.status not in Job.ACTIVE or not lease.update(touched_at=started_at):
            return None
        of_batch = Run.objects.filter(job=job, batch=batch.number)
        steps = of_batch.filter(processor=code)
        _lose_dead(job, steps)
        upstream = of_batch.filter(processor__in=PROCESSORS[code].after, status__in=Run.ACTIVE)
        pending = steps.filter(status=Run.Status.PENDING)
        runs = [] if upstream.exists() else list(pending.order_by("date"))
        if not runs:
            return None
        made = {
            "claim": claim,
            "worker": process_id.this_process(),
            "code_version": code_version(),
            "sql_hash": sql_hash(code),
        }
        pending.update(status=Run.Status.RUNNING, started_at=started_at, **made)
        before = _taken_over(runs)
        for run in runs:
            run.status, run.started_at, run.reason, run.error = (
                Run.Status.RUNNING,
                started_at,
                "",
                "",
            )
            run.skip_reason, run.refused_by, run.error_detail = "", "", {}
        record_transitions(runs, Run.Status.PENDING, Run.Status.RUNNING, actor=actor)
        job.transition(
            (Job.Status.QUEUED,),
            Job.Status.RUNNING,
            actor=actor,
            started_at=job.started_at or started_at,
        )
    if not before:
        return Attempt(job, batch, code, claim, runs, started_at, actor, claim)
    known = tuple(before["names"])
    return Attempt(
        job,
        batch,
        code,
        claim,
        runs,
        datetime.fromisoformat(before["at"]),
        actor,
        before["key"],
        known,
        [*known],
    )


def _taken_over(runs: Sequence[Run]) -> dict[str, Any]:
    """What an attempt of just these runs began in the warehouse before it was cut off; what others
    began is abandoned.
    """
    before: dict[str, Any] = runs[0].warehouse_jobs
    same = all(run.warehouse_jobs == before for run in runs) and before.get("runs") == len(runs)
    if not same:
        cancel_orphans(run.warehouse_jobs for run in runs)
    return before if same else {}


def _lose_dead(job: Job, steps: RunQuerySet) -> None:
    """A task comes again when the process that ran it has died: its runs are free at once."""
    for worker in set(steps.filter(status=Run.Status.RUNNING).values_list("worker", flat=True)):
        if worker and process_id.is_gone(worker):
            dispatch.requeue_lost(
                job,
                steps.filter(worker=worker),
                actor=dispatch.SYSTEM,
                reason=f"its worker died ({worker})",
            )
