"""Django app of the backfills."""

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate


class BackfillConfig(AppConfig):
    """Backfill app; registers the system checks."""

    name = "backfill"

    def ready(self) -> None:
        """Import the modules that register themselves."""
        from backfill import checks, session_defaults  # noqa: F401
        from backfill.telemetry.log_lines import hide

        hide(settings.SECRET_KEY)  # generated if the environment has none
        post_migrate.connect(session_defaults.store, sender=self)
