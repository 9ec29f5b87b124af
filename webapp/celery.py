"""The Celery app, configured by the settings that begin with CELERY_."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
# All of Django's checks would import every page and the API; a worker runs Backcourt's own (backfill.workers).
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("backcourt")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
