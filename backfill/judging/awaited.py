"""Whether what a job has run was judged, or is about to be."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from backfill.models import Job, Judged

# The sweep judges what no worker has; after so long nothing does it by itself.
PATIENCE = timedelta(minutes=2)


def is_judged(job: Job) -> bool:
    """Whether all seasons of an ended job have been judged since."""
    seasons = job.parsed_options.seasons
    return bool(job.finished_at) and Judged.objects.filter(season__in=seasons, at__gt=job.finished_at).count() >= len(seasons)


def is_awaited(job: Job, at: datetime) -> bool:
    """Whether a job has just ended and its judgement is still to come."""
    fresh = job.status in Job.ENDED and job.finished_at is not None and at - job.finished_at < PATIENCE
    return settings.JUDGE_AFTER_JOBS and fresh and not is_judged(job)


def awaited(at: datetime) -> list[Job]:
    """The jobs whose judgement is still to come."""
    return [job for job in Job.objects.filter(status__in=Job.ENDED, finished_at__gt=at - PATIENCE) if is_awaited(job, at)]
