"""Actions on selected cells: each a link for exactly these cells, or the reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse

from backfill.models import Job, Run
from backfill.plan.cells import packed_cells
from backfill.plan.date_lists import format_dates
from backfill.plan.options import Options
from backfill.plan.shell_command import command
from backfill.processors.registry import CHAIN
from backfill.status.failures import JobFailures, nothing_to_retry
from backfill.status.season_grid import RunCell
from validation.findings.kinds import pluralize
from webapp.models import User
from webapp.pages.cells.selection import CellSelection
from webapp.pages.new_backfill.link import CELLS, is_long, query_of
from webapp.ui.links import with_query

# States of cells that a retry can fix.
RETRIED = frozenset({"failed", "blocked", "cancelled", "bug", "outside", "output lost", "outdated"})
JOBS = 4  # with a retry link each; others: select fewer cells


@dataclass(frozen=True)
class CellAction:
    """Link of an action, or the reason why it is not offered."""

    label: str
    url: str = ""
    reason: str = ""


def actions(selected: CellSelection, user: User) -> list[CellAction]:
    """Return the actions that this user may take. Raises WarehouseError."""
    readers = [
        CellAction("Validate", selected.to("cells_validate")),
        CellAction("Show reasons", selected.to("cells_why")),
    ]
    if not user.may_operate:
        return readers
    return [_run(selected), *_retries(selected), _exclude(selected), *readers]


def shell_command(selected: CellSelection) -> str:
    """Return the command that runs exactly these cells."""
    return f"./{command(_options(selected)).removeprefix('./')}"


def _options(selected: CellSelection) -> Options:
    """Return the options that run these cells; complete ones are overwritten."""
    overwrites = any(cell.rows is not None for cell in selected.cells.values())
    return Options.of_cells(packed_cells(selected.keys), force=overwrites)


def _run(selected: CellSelection) -> CellAction:
    cells = selected.cells.values()
    if not cells:
        return CellAction("Run", reason="no games on these dates")
    if all(cell.state == "bootstrap" for cell in cells):
        return CellAction("Run", reason="bootstrap dates are skipped by design")
    if all(cell.state in Run.ACTIVE for cell in cells):
        return CellAction("Run", reason="these runs are in progress")
    return CellAction("Run", _to_new(_options(selected)))


def _to_new(options: Options) -> str:
    """Return the URL of New backfill for these options; cells in the short form if it is long."""
    url = f"{reverse('backfill_new')}?{query_of(options)}"
    if not is_long(url):
        return url
    packed = packed_cells(
        [(c, d) for d in options.days for c in options.processors if options.selects(c, d)]
    )
    what = "everything" if options.force else ""
    return with_query(reverse("backfill_new"), by=CELLS, cells=packed, what=what)


def _retries(selected: CellSelection) -> Iterator[CellAction]:
    """Yield a retry per job whose current failures are among the cells."""
    by_job: dict[int, list[RunCell]] = {}
    for cell in selected.cells.values():
        if cell.job and cell.state in RETRIED:
            by_job.setdefault(cell.job, []).append(cell)
    if not by_job:
        failed = any(cell.failed for cell in selected.cells.values())
        yield CellAction("Retry", reason="all failures are expected" if failed else "no failures")
    for pk in sorted(by_job, reverse=True)[:JOBS]:
        yield _retry(pk, by_job[pk], len(by_job))
    if len(by_job) > JOBS:
        yield CellAction("Retry", reason=f"{len(by_job) - JOBS} more jobs: select fewer cells")


def _retry(pk: int, cells: list[RunCell], jobs: int) -> CellAction:
    job = Job.objects.get(pk=pk)
    keys = tuple((cell.processor, cell.date) for cell in cells)
    label = f"Retry {pluralize(len(keys), 'cell')} of job {pk}" if jobs > 1 else "Retry"
    if job.status not in Job.ENDED:
        return CellAction(label, reason=f"job {pk} is {job.status}")
    if reason := nothing_to_retry(JobFailures(job).failures(keys)):
        return CellAction(label, reason=reason.removeprefix("nothing to retry: "))
    return CellAction(label, CellSelection(keys).to("retry", pk))


def _exclude(selected: CellSelection) -> CellAction:
    """Return New backfill of the season without these cells."""
    if len(selected.grids) != 1 or not (grid := selected.grids[0]).days:
        return CellAction("Exclude", reason="select cells of one season")
    chosen = set(selected.keys)
    rest = [key for key in grid.cells if key not in chosen]
    if not any(_is_incomplete(grid.cells[key]) for key in rest):
        return CellAction("Exclude", reason="no other incomplete runs in the season")
    if len(selected.keys) == len(selected.dates) * len(CHAIN):
        url = with_query(
            reverse("backfill_new"),
            start=grid.days[0].day,
            end=grid.days[-1].day,
            exclude=format_dates(selected.dates),
        )
        if not is_long(url):
            return CellAction("Exclude", url)
    return CellAction("Exclude", _to_new(Options.of_cells(packed_cells(rest))))


def _is_incomplete(cell: RunCell) -> bool:
    return cell.rows is None and not (cell.state == "bootstrap" and cell.run)
