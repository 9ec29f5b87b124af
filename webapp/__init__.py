"""Shows: settings, pages and forms. Nobody imports it."""

from webapp.celery import app as celery_app

__all__ = ["celery_app"]
