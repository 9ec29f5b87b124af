"""How gunicorn serves the panel: `gunicorn webapp.wsgi -c python:webapp.gunicorn_conf`, by bin/up
and in a container alike.
"""

import os

from django.conf import settings

from backfill import logs

bind = settings.WEB_ADDRESS
workers = settings.WEB_PROCESSES
threads = settings.WEB_THREADS
preload_app = True
timeout = 120  # a process that has not answered for so long is killed
graceful_timeout = 10  # requests under way at a SIGTERM have so long to end
max_requests, max_requests_jitter = 20_000, 2_000
control_socket_disable = True
# Requests are logged by webapp.middleware.request_log, which knows users and routes.
logconfig_dict = logs.configuration(
    settings.LOG_FORMAT, {"gunicorn.error": "INFO", "webapp": "INFO"}
)


def post_fork(server: object, worker: object) -> None:
    """Let who looks on wait a little for the work, and not the work for who looks on."""
    os.nice(5)
