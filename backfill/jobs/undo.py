"""Undo: jobs that restore versions, of one (processor, date) or of everything that a job replaced.

A restored run has the inputs and the SQL of the run that made the version, so that it is stale
where that run would be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from backfill.errors import PlanChanged, Refused
from backfill.jobs.start import create, reclaim_orphaned_jobs
from backfill.models import Job, Key, Run
from backfill.plan import signed_plan
from backfill.plan.cells import format_cells
from backfill.plan.options import MAX_BATCH_SIZE, Options
from backfill.plan.planning import Plan, PlannedAction, PlannedRun, in_batches
from backfill.process_id import this_process
from backfill.season_calendar import load_calendar
from backfill.versions.history import kept_keys, makers, versions_of
from backfill.versions.replaced import CONTEXT
from backfill.warehouse import writable_warehouse
from validation.findings.kinds import pluralize
from validation.processor_rules import downstream

FIRST_WRITE = "replaced nothing"
SAME = "changed no row"
GONE = "the version that it replaced is gone"
FAILED = "the version that it replaced is of a run that did not complete"
LATER = "job {} has written it since"


@dataclass(frozen=True)
class NotRestored:
    """Run of the job that an undo leaves as it is, with the reason."""

    run: Run
    reason: str


@dataclass(frozen=True, kw_only=True)
class Undo:
    """Versions to restore, and the runs left as they are.

    `stale` are the complete runs of other processors that read the restored rows.
    """

    plan: Plan | None
    restores: Mapping[Key, int]
    left: tuple[NotRestored, ...] = ()
    stale: tuple[Key, ...] = ()
    undo_of: Job | None = None

    @property
    def to_confirm(self) -> int:
        """Number of complete (processor, date) to overwrite."""
        return len(self.restores)

    @property
    def seal(self) -> str:
        """Signed plan that a form sends back."""
        return signed_plan.seal(self.plan) if self.plan else ""


def preview_undo(job: Job, keys: Collection[Key] = ()) -> Undo:
    """Return the versions that an undo of a job restores; of these (processor, date) if given.

    Raises Refused while the job is unfinished, and for a key that it did not run.
    """
    job.refresh_from_db()
    if job.status not in Job.ENDED:
        raise Refused(f"job {job.pk} is {job.status}; wait until it ends, or cancel it")
    own = {(r.processor, r.date): r for r in job.runs.own().filter(status=Run.Status.COMPLETE)}
    if strange := sorted(set(keys) - own.keys()):
        code, day = strange[0]
        raise Refused(f"job {job.pk} has no complete run of {code} on {day}")
    chosen = [run for key, run in sorted(own.items()) if not keys or key in keys]
    reasons = dict(_reasons(chosen))
    restores = {
        (run.processor, run.date): run.replaced
        for run in chosen
        if run.pk not in reasons and run.replaced is not None
    }
    left = tuple(NotRestored(run, reasons[run.pk]) for run in chosen if run.pk in reasons)
    return _undo(restores, f"undo of {job}", left=left, undo_of=job)


def preview_restore(day: date, code: str, name: str) -> Undo:
    """Return the restore of one version by its run ID or its token. Raises Refused."""
    kept = [v for v in versions_of(day, (code,)) if not v.is_live]
    found = next((v for v in kept if name in (v.name, str(v.token))), None)
    if found is None:
        names = ", ".join(v.name for v in kept) or "none"
        raise Refused(f"{code} has no version {name!r} on {day}; its versions: {names}")
    if not found.is_whole:
        raise Refused(f"version {name} of {code} on {day} is of a run that did not complete")
    return _undo({(code, day): found.token}, f"restore of {code} on {day}, version {found.name}")


def start_undo(
    found: Undo, actor: str, reason: str, *, inline: bool = False, previewed: str = ""
) -> Job:
    """Create the job that restores the versions.

    Raises PlanChanged if they differ from the preview, Refused without any, Conflict when another
    job holds one of the dates.
    """
    writable_warehouse()
    if found.plan is None:
        raise Refused(nothing_text(found))
    if not reason.strip():
        raise Refused("a restore needs a reason, which is stored with the job; add --reason TEXT")
    if previewed and (changes := signed_plan.changes_text(previewed, found.plan)):
        raise PlanChanged(changes)
    reclaim_orphaned_jobs(found.plan.options)
    return create(
        found.plan,
        actor,
        triggered_by="manual",
        owner=this_process() if inline else "",
        reason=reason.strip(),
        undo_of=found.undo_of,
        restores={f"{code} {day}": token for (code, day), token in found.restores.items()},
    )


def nothing_text(found: Undo) -> str:
    """Return why an undo restores nothing."""
    reasons = dict.fromkeys(one.reason for one in found.left)
    of = f"job {found.undo_of.pk}" if found.undo_of else "the version"
    why = "; ".join(f"{_count(found, text)}: {text}" for text in reasons)
    return f"nothing of {of} can be undone ({why})" if why else f"{of} has no complete run to undo"


def _count(found: Undo, reason: str) -> str:
    return pluralize(sum(one.reason == reason for one in found.left), "run")


def _reasons(runs: Collection[Run]) -> Iterator[tuple[int, str]]:
    """Yield the runs that cannot be undone, by number, each with its reason."""
    if not runs:
        return
    days = [run.date for run in runs]
    newest = Run.objects.deciding(min(days), max(days))
    keys = {(run.processor, run.date, run.replaced) for run in runs if run.replaced is not None}
    kept, made = kept_keys(keys), makers(keys)
    for run in runs:
        if reason := _reason(run, newest[run.processor, run.date], kept, made):
            yield run.pk, reason


def _reason(
    run: Run,
    newest: Run,
    kept: Collection[tuple[str, date, int]],
    made: Mapping[tuple[str, date, int], Run],
) -> str:
    if run.replaced is None:
        return FIRST_WRITE
    if newest.fence > run.fence:
        return LATER.format(newest.job_id)
    if run.has_changed_nothing and CONTEXT not in run.changes:
        return SAME
    key = run.processor, run.date, run.replaced
    if key not in kept:
        return GONE
    if (maker := made.get(key)) and maker.status != Run.Status.COMPLETE:
        return FAILED
    return ""


def _undo(
    restores: Mapping[Key, int],
    title: str,
    *,
    left: tuple[NotRestored, ...] = (),
    undo_of: Job | None = None,
) -> Undo:
    if not restores:
        return Undo(plan=None, restores={}, left=left, undo_of=undo_of)
    calendar = load_calendar()
    options = Options.of_cells(
        format_cells(restores),
        force=True,
        canary=False,
        brake=False,
        reason=title,
        batch_size=MAX_BATCH_SIZE,  # nothing is computed, so that a season needs no smaller steps
    )
    days = [calendar.day(day) for day in options.days]
    runs = [
        PlannedRun(
            processor=code,
            date=day,
            action=PlannedAction.RUN,
            reason=f"{title}, version {restores[code, day]}",
            overwrites=True,
            heading=title,
        )
        for day in options.days
        for code in options.processors
        if (code, day) in restores
    ]
    return Undo(
        plan=in_batches(options, days, runs),
        restores=restores,
        left=left,
        stale=_stale(restores),
        undo_of=undo_of,
    )


def _stale(restores: Collection[Key]) -> tuple[Key, ...]:
    """Return the complete runs downstream of the restored ones that are not restored too."""
    days = [day for _, day in restores]
    newest = Run.objects.deciding(min(days), max(days))
    after = {(later, day) for code, day in restores for later in downstream([code])}
    return tuple(
        key
        for key, run in newest.items()
        if key in after and key not in restores and run.status == Run.Status.COMPLETE
    )
