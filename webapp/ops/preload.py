"""Modules of the processes of bin/up, imported once before it forks them."""

from __future__ import annotations

import os

from django.conf import settings

from backfill.processes import forks

SUPERVISOR = ("backfill.processes.supervisord",)
# Not webapp.celery and its signal handlers: they note the process that imports them.
WORKER = (
    "backfill.execution.sweep",
    "backfill.execution.tasks",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.backends.redis",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.fixups.django",
    "celery.worker.consumer.control",
    "celery.worker.consumer.gossip",
    "kombu.transport.redis",
)
# Not webapp.wsgi and webapp.gunicorn_conf, likewise.
WEB = (
    "django.contrib.admin.templatetags.base",
    "django.contrib.messages.storage.fallback",
    "gunicorn.app.wsgiapp",
    "webapp.ops.buffered_worker",
    "webapp.urls",
)
METRICS = "PROMETHEUS_MULTIPROC_DIR"


def preload(*, web: bool) -> None:
    """Import everything that the processes need."""
    if not web:
        forks.preload((*SUPERVISOR, *WORKER))
        return
    middleware = [name.rpartition(".")[0] for name in settings.MIDDLEWARE]
    # Read at the import of prometheus_client, which then counts in files; gunicorn_conf sets the
    # folder.
    os.environ[METRICS] = os.devnull
    forks.preload((*SUPERVISOR, *WORKER, *WEB, *middleware))
    del os.environ[METRICS]
