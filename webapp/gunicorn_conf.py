"""Gunicorn configuration: `gunicorn webapp.wsgi -c python:webapp.gunicorn_conf`."""

from django.conf import settings

from backfill import logs, tracing
from webapp.setting_schema import load_or_exit

load_or_exit()

bind = settings.WEB_ADDRESS
worker_class = "webapp.ops.buffered_worker.BufferedWorker"
workers = settings.WEB_PROCESSES
threads = settings.WEB_THREADS
preload_app = True
timeout = 120  # seconds without a sign of life before a process is killed
graceful_timeout = 10  # seconds for running requests to finish after SIGTERM
max_requests, max_requests_jitter = 20_000, 2_000
control_socket_disable = True
# webapp.middleware.request_log logs requests with their users. gunicorn.access is named so
# that its lines have the same format.
LEVELS = {
    "gunicorn.error": "INFO",
    "gunicorn.access": "WARNING",
    "waitress.queue": "ERROR",  # a line for each request that waits for a thread
    "webapp": "INFO",
}
logconfig_dict = logs.configuration(settings.LOG_FORMAT, LEVELS)


def worker_exit(server: object, worker: object) -> None:
    """Export the spans of a process that ends."""
    tracing.shut_down()
