"""`manage.py copy_warehouse FROM TO`: inputs, outputs and logs of some dates from one warehouse
into another.
"""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, iso_date
from backfill.cli.progress_bar import shown
from backfill.errors import Refused, WarehouseUnwritable
from backfill.ingest.copy_warehouse import Copying, copy, plan
from backfill.warehouse import open_warehouse
from backfill.warehouse.content_hash import WarehousePart
from backfill.warehouse.port import Warehouse

NAMED = 5  # parts that differ, in the text; --json lists all


class Command(VerbCommand):
    """Copies, and compares what was copied."""

    help = (
        "Copy the inputs of the seasons, and the outputs, failures and run history of the dates, from one warehouse to "
        "another; compare counts and hashes. What is the same already is left alone: started again, it goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """From where to where, which dates, and whether to look only."""
        parser.add_argument("source", metavar="FROM", help="a URL as WAREHOUSE_URL has it")
        parser.add_argument("target", metavar="TO", help="another")
        parser.add_argument(
            "--start", metavar="DATE", type=iso_date, required=True, help="first date"
        )
        parser.add_argument("--end", metavar="DATE", type=iso_date, required=True, help="last date")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what differs and copy nothing"
        )

    def run(self, **given: Any) -> int:
        """Compare, copy what differs, compare again."""
        started = time.perf_counter()
        if given["end"] < given["start"]:
            raise Refused(f"--end {given['end']} is before --start {given['start']}")
        source, target = _opened(given["source"], given["target"], to_write=not given["dry_run"])
        copying = plan(source, target, given["start"], given["end"])
        if not copying.wanted:
            raise Refused(
                f"{given['source']} holds nothing from {given['start']} to {given['end']}"
            )
        wrong = [] if given["dry_run"] else self._copied(source, target, copying)
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
        self, source: Warehouse, target: Warehouse, copying: Copying
    ) -> list[WarehousePart]:
        with shown(quiet=self.json, what="parts") as display:
            return copy(source, target, copying, display.update)


def _opened(source: str, target: str, *, to_write: bool) -> tuple[Warehouse, Warehouse]:
    """Both warehouses. Raises Refused for a URL that names none, for one and the same, and for a
    target that takes nothing.
    """
    if source == target:
        raise Refused(f"FROM and TO are both {source}; name two warehouses")
    opened = open_warehouse(source), open_warehouse(target)
    try:
        if to_write:
            opened[1].check_writable()
    except WarehouseUnwritable as error:
        raise Refused(f"TO cannot be written: {error}") from error
    return opened


def _text(copying: Copying, wrong: list[WarehousePart], seconds: float, *, dry_run: bool) -> str:
    """A line per table, then what is wrong."""
    by_table = copying.by_table()
    width, verb = max(map(len, by_table)), "to copy" if dry_run else "copied"
    lines = [f"{'':<{width}} {verb:>8} {'rows':>9} {'same':>6} {'in TO alone':>12}"]
    lines += [
        f"{name:<{width}} {n['copied']:>8,} {n['rows']:>9,} {n['same']:>6,} {n['only_in_to']:>12,}"
        for name, n in by_table.items()
    ]
    if wrong:
        listed = ", ".join(map(str, wrong[:NAMED])) + (
            "" if len(wrong) <= NAMED else f" and {len(wrong) - NAMED} more"
        )
        lines.append(f"not the same after copying (written meanwhile? start again): {listed}")
    elif not dry_run:
        lines.append(
            f"all {len(copying.wanted):,} parts are the same, by count and hash, after {seconds:.1f} s"
        )
    return "\n".join(lines)
