"""Django app of the backfills."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class BackfillConfig(AppConfig):
    """Backfill app; registers the system checks."""

    name = "backfill"

    def ready(self) -> None:
        """Import the modules that register themselves."""
        from backfill import checks, session_defaults  # noqa: F401

        post_migrate.connect(session_defaults.store, sender=self)
