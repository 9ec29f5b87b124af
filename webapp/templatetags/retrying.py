"""What a retry healed, for any page that shows its job."""

from __future__ import annotations

from typing import Any

from django import template

from backfill.models import Job
from webapp.pages.retry import form

register = template.Library()


@register.inclusion_tag("retry/_healed.html")
def healed(job: Job) -> dict[str, Any]:
    """The card of a retry that has ended; nothing for any other job."""
    return {"job": job, "healed": form.fixed_by_retry(job)}
