"""Gunicorn configuration: `gunicorn webapp.wsgi -c python:webapp.gunicorn_conf`."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings

from backfill import logs
from backfill.telemetry import log_streams, tracing
from webapp.setting_schema import load_or_exit

load_or_exit("web")

# Files in which all processes count their requests (webapp.ops.request_metrics); prometheus_client
# reads the variable when it is imported.
REQUEST_METRICS = Path(tempfile.gettempdir()) / f"backcourt-requests-{uuid4().hex}"
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(REQUEST_METRICS)

bind = settings.WEB_ADDRESS
worker_class = "webapp.ops.buffered_worker.BufferedWorker"
workers = settings.WEB_PROCESSES
threads = settings.WEB_THREADS
preload_app = True
timeout = 120  # seconds without a sign of life before a process is killed
graceful_timeout = 10  # seconds for running requests to finish after SIGTERM
max_requests, max_requests_jitter = 20_000, 2_000
control_socket_disable = True


def on_starting(server: object) -> None:
    """Create the folder for the counts of requests."""
    REQUEST_METRICS.mkdir(mode=0o700)


def on_exit(server: object) -> None:
    """Remove the counts of requests; the next start counts from zero."""
    shutil.rmtree(REQUEST_METRICS, ignore_errors=True)


# webapp.middleware.request_log logs requests with their users. gunicorn.access is named so
# that its lines have the same format.
LEVELS = {
    "gunicorn.error": "INFO",
    "gunicorn.access": "WARNING",
    "waitress.queue": "ERROR",  # a line for each request that waits for a thread
    "webapp": "INFO",
}
logconfig_dict = logs.configuration(settings.LOG_FORMAT, LEVELS)


def post_fork(arbiter: Any, worker: Any) -> None:
    """Log the native output of a web process."""
    log_streams.redirect_native_output()


def worker_exit(server: object, worker: object) -> None:
    """Export the spans of a process that ends."""
    tracing.shut_down()
