"""Django application of the panel."""

from django.apps import AppConfig


class WebappConfig(AppConfig):
    """Pages, users and the API."""

    name = "webapp"
    verbose_name = "Backcourt"
    default_auto_field = "django.db.models.BigAutoField"
