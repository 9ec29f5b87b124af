"""The app: plans, runs and records backfills."""

from django.apps import AppConfig


class BackfillConfig(AppConfig):
    """Registers the system checks."""

    name = "backfill"

    def ready(self) -> None:
        """Import what registers itself."""
        from backfill import checks  # noqa: F401
