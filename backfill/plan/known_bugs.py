"""Preflight warnings about open findings whose bugs pause a job."""

from __future__ import annotations

from dataclasses import replace

from backfill.models import Finding
from backfill.plan.planning import Plan, PlannedAction
from validation.findings.kinds import IMPOSSIBLE_VALUE
from validation.preflight import known_bug
from validation.preflight_report import Report


def with_known_bugs(report: Report, planned: Plan) -> Report:
    """Return the report with a warning per open finding of an impossible value that the plan runs
    into. A job without canary and pause on error has none.
    """
    options = planned.options
    if not (options.brake or options.canary):
        return report
    runs = {
        (r.processor, str(r.date)): r.date for r in planned.runs if r.action is PlannedAction.RUN
    }
    found = Finding.objects.listed().about(options.start, options.end)
    items = [
        known_bug(finding.pk, min(days))
        for finding in found.filter(kind=IMPOSSIBLE_VALUE.name).defer("query", "numbers")
        if (
            days := [
                runs[code, day]
                for code in finding.processors
                for day in finding.dates
                if (code, day) in runs
            ]
        )
    ]
    return replace(report, items=(*report.items, *items))
