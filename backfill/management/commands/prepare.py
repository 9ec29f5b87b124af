"""`manage.py prepare`: deprecated name of `migrate_locked`, kept for one release."""

from __future__ import annotations

from typing import Any

from backfill.management.commands import migrate_locked


class Command(migrate_locked.Command):
    """Warn and run `migrate_locked`."""

    help = "Deprecated name of migrate_locked."

    def run(self, **given: Any) -> int:
        """Warn on stderr, so that --json stays readable, and run the command."""
        self.stderr.write("`prepare` is deprecated; use `migrate_locked`")
        return super().run(**given)
