"""Celery app, configured by the settings CELERY_*."""

import os
import sys
from logging.config import dictConfig
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging
from django.conf import settings

from backfill import logs
from webapp.setting_schema import load_or_exit

# Django's checks would import every page and the API; a worker runs only those of Backcourt
# (backfill.processes.celery_worker).
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
# A program of the tests or of the shell imports this module too, and keeps its output.
COMMAND = {"worker", "beat"} & set(sys.argv) if "celery" in sys.argv[0] else set()
load_or_exit(*COMMAND)

app = Celery("backcourt")
app.loader.override_backends = dict.fromkeys(
    ("redis", "rediss"), "backfill.processes.celery_result_backend:NoResultSubscriptions"
)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["backfill.execution"])
app.autodiscover_tasks(["backfill.processes"], related_name="celery_worker")  # its signal handlers

# Not in the settings, because commands do without Celery.
if settings.KEEP_DAYS or settings.RUN_LOG_DAYS or settings.KEEP_VERSIONS_DAYS:
    app.conf.beat_schedule["prune"] = {
        "task": "backfill.execution.tasks.prune",
        "schedule": crontab(minute=0, hour=4),
        "options": {"expires": 3600},
    }

# Celery's lines per message are noise: steps log their own results.
QUIET = dict.fromkeys(("celery.app.trace", "celery.worker.strategy", "celery.beat"), "WARNING")
LEVELS = {"backfill": "INFO", "celery": "INFO", **QUIET}


@setup_logging.connect
def log(**kwargs: Any) -> None:
    """Configure the logs of worker and beat like those of other processes."""
    dictConfig(logs.configuration(settings.LOG_FORMAT, LEVELS))
