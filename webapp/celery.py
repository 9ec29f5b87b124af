"""The Celery app, configured by the settings that begin with CELERY_."""

import os
from logging.config import dictConfig
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

from backfill import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
# All of Django's checks would import every page and the API; a worker runs Backcourt's own
# (backfill.processes.celery_worker).
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("backcourt")
app.loader.override_backends = {
    "redis": "backfill.processes.celery_result_backend:NoResultSubscriptions"
}
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["backfill.execution"])
app.autodiscover_tasks(["backfill.processes"], related_name="celery_worker")  # its signal handlers

# The lines about every single message leave: steps say themselves how they ended, and the sweep is
# no news.
QUIET = dict.fromkeys(("celery.app.trace", "celery.worker.strategy", "celery.beat"), "WARNING")
LEVELS = {"backfill": "INFO", "celery": "INFO", **QUIET}


@setup_logging.connect
def log(**kwargs: Any) -> None:
    """Worker and beat log as everything else does."""
    dictConfig(logs.configuration(settings.LOG_FORMAT, LEVELS))
