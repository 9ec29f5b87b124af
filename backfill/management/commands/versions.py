"""`manage.py versions DATE`: list the versions of a date, or restore one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand, iso_date
from backfill.cli.confirm import add_overwrites, check_typed
from backfill.cli.option_arguments import add_options
from backfill.cli.run_and_watch import add_where, launch
from backfill.cli.tables import table
from backfill.errors import Refused
from backfill.processors.registry import CHAIN, processor


class Command(VerbCommand):
    """List or restore versions."""

    records_actor = True
    help = (
        "List the live partition and the kept versions of a date: who made them, when, with which"
        " SQL and code. With --restore, make one of them live again, as a job."
    )
    example = "versions 2021-11-22 --processor PSZA --restore 3f9c01ab --reason 'wrong formula'"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the date, the processor, the version to restore, --inline and --wait."""
        parser.add_argument("date", type=iso_date, metavar="DATE", help="date, YYYY-MM-DD")
        parser.add_argument("--processor", metavar="P", help="only this processor, by code or name")
        parser.add_argument(
            "--restore", metavar="V", help="restore this version: the ID of its run, or its token"
        )
        add_options(parser, ["reason"])
        add_overwrites(parser)
        add_where(parser)

    def run(self, **given: Any) -> int:
        """List the versions, or restore one."""
        from backfill.documents.versions import version_document
        from backfill.versions.history import versions_of

        code = processor(given["processor"]).code if given["processor"] else ""
        if given["restore"]:
            return self._restore(code, given)
        found = versions_of(given["date"], (code,) if code else CHAIN)
        documents = [version_document(one) for one in found]
        self.emit(
            {"date": given["date"], "versions": documents},
            _text(documents) or f"no partition on {given['date']}",
        )
        return OK

    def _restore(self, code: str, given: dict[str, Any]) -> int:
        from backfill.jobs.undo import preview_restore, start_undo

        if not code:
            raise Refused("--restore needs --processor P, because several have versions of a date")
        found = preview_restore(given["date"], code, given["restore"])
        check_typed(given, found)
        reason = given["reason"]
        ended = launch(
            self,
            lambda actor, inline, _: start_undo(found, actor, reason, inline=inline),
            given,
        )
        return OK if ended is None else ended


def _text(documents: list[dict[str, Any]]) -> str:
    rows = [
        {
            "processor": d["processor"],
            "version": d["version"],
            "state": "live" if d["live"] else f"replaced {d['replaced_at']:%Y-%m-%d %H:%M:%S}",
            "made": f"{d['made_at']:%Y-%m-%d %H:%M:%S}" if d["made_at"] else "",
            "by": d["who"] or "",
            "job": d["job"] or "",
            "rows": "" if d["rows"] is None else d["rows"],
            "failed": "" if d["failed"] is None else d["failed"],
            "sql": d["sql_hash"] or "",
            "code": d["code_version"] or "",
        }
        for d in documents
    ]
    return table(rows) if rows else ""
