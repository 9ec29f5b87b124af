"""`manage.py copy_warehouse FROM TO`: copy inputs, outputs and logs to another warehouse."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from shlex import quote
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, iso_date
from backfill.cli.progress_bar import shown
from backfill.crash_points import crash_point
from backfill.errors import Refused, WarehouseUnwritable
from backfill.warehouse import open_warehouse
from backfill.warehouse.content_hash import WarehousePart
from backfill.warehouse.port import UnfinishedWrite, Warehouse
from validation.season import opened_season_year

if TYPE_CHECKING:
    from backfill.ingest.copy_warehouse import Copying

NAMED = 5  # different parts listed in the text; --json lists all


class Command(VerbCommand):
    """Copy a warehouse and compare the copy with its source."""

    help = (
        "Copy the inputs of the seasons, and the outputs, failures and run history of the dates,"
        " to another warehouse, and compare counts and hashes. Equal parts are skipped, so an"
        " interrupted copy resumes when you run it again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the two warehouses, the dates and --dry-run."""
        parser.add_argument(
            "source",
            metavar="FROM",
            help="URL of the source warehouse, in the format of WAREHOUSE_URL",
        )
        parser.add_argument("target", metavar="TO", help="URL of the target warehouse")
        parser.add_argument(
            "--start", metavar="DATE", type=iso_date, required=True, help="first date, YYYY-MM-DD"
        )
        parser.add_argument(
            "--end", metavar="DATE", type=iso_date, required=True, help="last date, included"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print the differences; copy nothing"
        )

    def run(self, **given: Any) -> int:
        """Compare, copy the different parts, compare again."""
        from backfill.ingest.copy_warehouse import plan

        started = time.perf_counter()
        if given["end"] < given["start"]:
            raise Refused(f"--end {given['end']} is before --start {given['start']}; swap them")
        source, target = _opened(given["source"], given["target"], to_write=not given["dry_run"])
        copying = plan(source, target, given["start"], given["end"])
        if not copying.wanted:
            raise Refused(f"{given['source']} has no data from {given['start']} to {given['end']}")
        write = _record(given, copying)
        wrong = [] if given["dry_run"] else self._copied(source, target, copying, write)
        seconds = time.perf_counter() - started
        named = {k: given[k] for k in ("start", "end", "dry_run")} | {
            "from": given["source"],
            "to": given["target"],
        }
        document = {
            **named,
            "tables": copying.by_table(),
            "wrong": list(map(str, wrong)),
            "seconds": round(seconds, 3),
        }
        self.emit(document, _text(copying, wrong, seconds, dry_run=given["dry_run"]))
        return FAILED if wrong else OK

    def _copied(
        self, source: Warehouse, target: Warehouse, copying: Copying, write: UnfinishedWrite
    ) -> list[WarehousePart]:
        from backfill.ingest.copy_warehouse import copy

        with target.writing(write), shown(quiet=self.json, what="parts") as display:
            crash_point("copy-begun")
            return copy(source, target, copying, display.update)


def _record(given: dict[str, Any], copying: Copying) -> UnfinishedWrite:
    names = quote(given["source"]), quote(given["target"])
    return UnfinishedWrite(
        title=f"copy of {given['source']}",
        seasons=sorted({opened_season_year(part.first) for part in copying.wanted}),
        began=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        command=f"manage.py copy_warehouse {' '.join(names)} "
        f"--start {given['start']} --end {given['end']}",
    )


def _opened(source: str, target: str, *, to_write: bool) -> tuple[Warehouse, Warehouse]:
    """Open both warehouses. Raises Refused for an unknown URL, equal URLs or a read-only target."""
    if source == target:
        raise Refused(f"FROM and TO are both {source}; name two different warehouses")
    opened = open_warehouse(source), open_warehouse(target)
    try:
        if to_write:
            opened[1].check_writable()
    except WarehouseUnwritable as error:
        raise Refused(f"TO is not writable: {error}") from error
    return opened


def _text(copying: Copying, wrong: list[WarehousePart], seconds: float, *, dry_run: bool) -> str:
    """Write a line per table, then the parts that differ."""
    by_table = copying.by_table()
    width, verb = max(map(len, by_table)), "to copy" if dry_run else "copied"
    lines = [f"{'':<{width}} {verb:>8} {'rows':>9} {'same':>6} {'only in TO':>12}"]
    lines += [
        f"{name:<{width}} {n['copied']:>8,} {n['rows']:>9,} {n['same']:>6,} {n['only_in_to']:>12,}"
        for name, n in by_table.items()
    ]
    if wrong:
        listed = ", ".join(map(str, wrong[:NAMED])) + (
            "" if len(wrong) <= NAMED else f" and {len(wrong) - NAMED} more"
        )
        lines.append(
            f"different after copying; if they were written during the copy, run it again: {listed}"
        )
    elif not dry_run:
        lines.append(
            f"all {len(copying.wanted):,} parts have equal counts and hashes; {seconds:.1f} s"
        )
    return "\n".join(lines)
