"""Whether what a job has run was judged, or is about to be."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from backfill.models import Job, SeasonAudit

# The sweep audits what no worker has; after this time nothing does it by itself.
AUDIT_DUE_WITHIN = timedelta(minutes=2)


def is_audited(job: Job) -> bool:
    """Whether all seasons of an ended job have been judged since."""
    seasons = job.parsed_options.seasons
    return bool(job.finished_at) and SeasonAudit.objects.filter(
        season__in=seasons, at__gt=job.finished_at
    ).count() >= len(seasons)


def is_pending(job: Job, at: datetime) -> bool:
    """Whether a job has just ended and its judgement is still to come."""
    ended_at = job.finished_at if job.status in Job.ENDED else None
    fresh = ended_at is not None and at - ended_at < AUDIT_DUE_WITHIN
    return settings.AUDIT_AFTER_JOBS and fresh and not is_audited(job)


def pending_audit(at: datetime) -> list[Job]:
    """The jobs whose judgement is still to come."""
    ended = Job.objects.filter(status__in=Job.ENDED, finished_at__gt=at - AUDIT_DUE_WITHIN)
    return [job for job in ended if is_pending(job, at)]
