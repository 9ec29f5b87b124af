"""Celery app of the project, imported on first use: with Redis it takes as long as Django itself."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from celery import Celery


@cache
def celery_app() -> Celery:
    """Return the app that settings.TASK_APP names."""
    found: Celery = import_string(settings.TASK_APP)
    return found


def redis_client() -> Any:
    """Return the connection to Redis of the app's result store."""
    return celery_app().backend.client  # type: ignore[attr-defined]


@cache
def unreachable() -> tuple[type[Exception], ...]:
    """Return the errors of a Redis that does not answer.

    Celery raises RuntimeError when its result store cannot be reached.
    """
    from kombu.exceptions import OperationalError
    from redis.exceptions import RedisError

    return OperationalError, RedisError, OSError, RuntimeError
