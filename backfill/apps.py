"""Django app of the backfills."""

from django.apps import AppConfig


class BackfillConfig(AppConfig):
    """Backfill app; registers the system checks."""

    name = "backfill"

    def ready(self) -> None:
        """Import the modules that register themselves."""
        from backfill import checks  # noqa: F401
