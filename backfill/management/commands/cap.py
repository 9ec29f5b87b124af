"""`manage.py cap`: deprecated name of `limit_batches`, kept for one release."""

from __future__ import annotations

from typing import Any

from backfill.management.commands import limit_batches


class Command(limit_batches.Command):
    """Warn and run `limit_batches`."""

    help = "Deprecated name of limit_batches."

    def run(self, **given: Any) -> int:
        """Warn on stderr, so that --json stays readable, and run the command."""
        self.stderr.write("`cap` is deprecated; use `limit_batches`")
        return super().run(**given)
