"""Prefilled forms: from a pick of dates, a season, a job, a finding's proposal, a preset, or the
newest season.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from django.http import Http404, QueryDict

from backfill.audit.fix_steps import options_of
from backfill.errors import Refused
from backfill.models import Finding, Job, Launch
from backfill.plan.options import Options
from validation.season import Calendar
from webapp.pages.new_backfill.date_picks import picked
from webapp.pages.new_backfill.form import LaunchForm
from webapp.pages.new_backfill.link import address, query_of, typed

DATES = ("start", "end", "dates", "cells", "pick", "job", "finding", "preset")


def prefilled(query: QueryDict, calendar: Calendar) -> str:
    """Return the form's query string for a shortcut in the request; empty without a shortcut.
    Raises Refused and Http404.
    """
    if pick := query.get("pick"):
        form = LaunchForm(query)
        if dates := pick.partition("leave:")[2]:
            return address({**form.typed, "exclude": f"{form.typed['exclude']} {dates}".strip()})
        return address({**form.typed, **picked(pick, calendar, form.options)})
    if query.get("season") and not any(name in query for name in DATES):
        return address({**typed(query), **picked(f"season:{query['season']}", calendar, None)})
    return next((fill(text) for name, fill in FILLS.items() if (text := query.get(name))), "")


def with_dates(query: QueryDict, calendar: Calendar) -> QueryDict:
    """Return the query, with the newest season if it has no dates."""
    if not calendar.starts or any(name in query for name in DATES):
        return query
    found = query.copy()
    found.update(picked(f"season:{max(calendar.starts)}", calendar, None))
    return found


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _job(text: str) -> str:
    """Return a job's options without its reason."""
    if job := Job.objects.filter(pk=_number(text)).first():
        return query_of(job.parsed_options, reason="")
    raise Http404(f"there is no job {text}")


def _preset(text: str) -> str:
    if found := Launch.objects.filter(pk=_number(text)).first():
        return query_of(Options.from_json(found.options))
    raise Http404(f"there is no preset or launch {text}")


def _finding(text: str) -> str:
    """Return a finding's proposal, with the finding as the reason."""
    found = Finding.objects.filter(pk=_number(text)).first()
    if found is None:
        raise Http404(f"there is no finding {text}")
    if not found.action:
        raise Refused(f"finding {found.pk} proposes no backfill: {found.sentence}; {found.advice}")
    options = options_of(found)
    assert options is not None
    return query_of(options, reason=reason_of(found), of_finding=str(found.pk))


def reason_of(finding: Finding) -> str:
    """Return the reason of a backfill that fixes a finding."""
    return f"finding {finding.pk}: {finding.sentence}"


FILLS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"job": _job, "finding": _finding, "preset": _preset}
)
