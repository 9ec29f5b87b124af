"""Claims on steps: one attempt runs a step at a time, and writes only while it holds its claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, partial
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.timezone import now

from backfill import process_id
from backfill.errors import Superseded
from backfill.execution import dispatch
from backfill.execution.execute import Step
from backfill.models import SYSTEM, Batch, Job, Run, RunQuerySet, record_transitions
from backfill.processors.registry import PROCESSORS
from backfill.processors.render import sql_hash
from backfill.telemetry import lineage, tracing
from backfill.telemetry.log_lines import note
from backfill.version import code_version
from backfill.warehouse import warehouse
from backfill.warehouse.port import Charge, Work
from validation.season import Calendar


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Step claimed by this process, with its runs by date."""

    job: Job
    batch: Batch
    code: str
    claim: str
    runs: list[Run]
    started_at: datetime
    actor: str
    # Key of its warehouse jobs; inherited from the attempt whose jobs it continues.
    key: str = ""
    known: tuple[str, ...] = ()  # warehouse jobs started by that attempt
    begun: list[str] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)  # its fencing token, after its first write
    earlier: frozenset[str] = frozenset()  # warehouse jobs of other attempts at these runs
    charges: list[Charge] = field(default_factory=list)  # cost of its warehouse jobs

    def work(self, inputs: str = "") -> Work:
        """Return the identity of this attempt in the warehouse; other `inputs` are other work."""
        version = {"code_version": code_version()} if code_version() else {}
        labels = {
            "job": str(self.job.pk),
            "batch": str(self.batch.number),
            "processor": self.code,
            **version,
        }
        return Work(
            key=f"{self.key} {inputs}",
            labels=labels,
            known=self.known,
            note=self._note,
            fence=self.fence,
            charge=self._charge,
        )

    def fence(self) -> int:
        """Return the fencing token of this attempt, issued and stored before its first write.

        It is larger than every token of these dates. Raises Superseded after the claim is lost.
        """
        token = self.tokens[0] if self.tokens else self._next_token()
        if self.held.update(fence=token) != len(self.runs):
            raise Superseded
        if not self.tokens:
            self.tokens.append(token)
        return token

    def _next_token(self) -> int:
        """Return microseconds since 1970, or one more than the newest token.

        With the time, tokens stay newer than those in the warehouse after a restore of the
        database.
        """
        of_dates = Run.objects.filter(processor=self.code, date__in=[r.date for r in self.runs])
        newest: int = of_dates.aggregate(newest=Max("fence"))["newest"] or 0
        return max(int(now().timestamp() * 1_000_000), newest + 1)

    def _note(self, name: str) -> None:
        """Store the name of a warehouse job before it starts.

        Raises Superseded after the claim is lost.
        """
        tracing.annotate("backcourt.warehouse_job", name)
        if name not in self.begun:
            self.begun.append(name)
            note(f"warehouse job {name}")
        begun = {
            "key": self.key,
            "at": self.started_at.isoformat(),
            "runs": len(self.runs),
            "names": self.begun,
        }
        if self.held.update(warehouse_jobs=begun) != len(self.runs):
            raise Superseded

    def _charge(self, charge: Charge) -> None:
        self.charges.append(charge)
        note(f"billed {charge.billed_bytes:,} bytes, {charge.slot_seconds:.1f} slot seconds")

    def retire_earlier(self) -> None:
        """End the warehouse jobs of all earlier attempts at these dates, before the first write.

        An attempt whose jobs are continued is waited for. Raises WarehouseError.
        """
        unrecorded = Run.objects.filter(
            processor=self.code,
            date__in=[run.date for run in self.runs],
            status__in=(Run.Status.CANCELLED, Run.Status.FAILED),
        ).exclude(warehouse_jobs={})
        names = {
            n for jobs in unrecorded.values_list("warehouse_jobs", flat=True) for n in _names(jobs)
        }
        warehouse().retire(self.known, cancel=False)
        warehouse().retire(names | self.earlier, cancel=True)
        if names:
            unrecorded.update(warehouse_jobs={})

    @property
    def held(self) -> RunQuerySet:
        """Runs that still carry the claim."""
        runs = Run.objects.filter(
            job=self.job, batch=self.batch.number, processor=self.code, claim=self.claim
        )
        return runs.filter(status=Run.Status.RUNNING)

    def check_held(self) -> None:
        """Raise Superseded after a sweep or a cancellation took the runs."""
        if self.held.count() != len(self.runs):
            raise Superseded

    def running(self) -> list[Run]:
        """Return the runs without an outcome."""
        return [r for r in self.runs if r.status == Run.Status.RUNNING]

    def step(self, runs: Sequence[Run], calendar: Calendar) -> Step:
        """Build the step that executes some of the runs."""
        ids: dict[date, str] = {r.date: r.run_id for r in runs}
        start = calendar.starts[calendar.season_year(runs[0].date)]
        mode = self.job.parsed_options.backfill_mode
        return Step(
            processor=PROCESSORS[self.code],
            dates=tuple(ids),
            season_start=start,
            started_at=self.started_at,
            run_ids=ids,
            backfill_mode=mode,
            recorded=self.recorded,
            restores={day: self.job.restored(self.code, day) for day in ids}
            if self.job.restores
            else {},
        )

    @cached_property
    def recorded(self) -> dict[date, int]:
        """Fencing tokens of the newest recorded runs of its dates."""
        days = [run.date for run in self.runs]
        newest = Run.objects.filter(processor=self.code).deciding(min(days), max(days))
        return {day: run.fence for (_, day), run in newest.items()}


def claim_step(batch: Batch, code: str, claim: str, actor: str) -> Attempt | None:
    """Claim the pending runs of a step; None without any, and for a lease that expired."""
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
        before, earlier = _taken_over(runs)
        for run in runs:
            run.status, run.started_at, run.reason, run.error = (
                Run.Status.RUNNING,
                started_at,
                "",
                "",
            )
            run.skip_reason, run.refused_by, run.error_detail = "", "", {}
            run.code_version, run.sql_hash = made["code_version"], made["sql_hash"]
        record_transitions(runs, Run.Status.PENDING, Run.Status.RUNNING, actor=actor)
        is_first = not job.started_at
        has_started = job.transition(
            (Job.Status.QUEUED,),
            Job.Status.RUNNING,
            actor=actor,
            started_at=job.started_at or started_at,
        )
        if is_first and has_started:
            transaction.on_commit(partial(lineage.job_started, job))
    if not before:
        return Attempt(
            job=job,
            batch=batch,
            code=code,
            claim=claim,
            runs=runs,
            started_at=started_at,
            actor=actor,
            key=claim,
            earlier=earlier,
        )
    known = tuple(before["names"])
    return Attempt(
        job=job,
        batch=batch,
        code=code,
        claim=claim,
        runs=runs,
        started_at=datetime.fromisoformat(before["at"]),
        actor=actor,
        key=before["key"],
        known=known,
        begun=[*known],
    )


def _taken_over(runs: Sequence[Run]) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the warehouse jobs of an interrupted attempt at exactly these runs, to be continued;
    or the names of the jobs of all other attempts.
    """
    before: dict[str, Any] = runs[0].warehouse_jobs
    same = all(run.warehouse_jobs == before for run in runs) and before.get("runs") == len(runs)
    if same:
        return before, frozenset()
    return {}, frozenset(name for run in runs for name in _names(run.warehouse_jobs))


def _names(jobs: dict[str, Any]) -> Sequence[str]:
    return tuple(jobs.get("names", ()))


def _lose_dead(job: Job, steps: RunQuerySet) -> None:
    """Requeue the runs of dead workers, because Celery redelivers their tasks."""
    for worker in set(steps.filter(status=Run.Status.RUNNING).values_list("worker", flat=True)):
        if worker and process_id.is_gone(worker):
            dispatch.requeue_lost(
                job,
                steps.filter(worker=worker),
                actor=SYSTEM,
                reason=f"worker died ({worker})",
            )
