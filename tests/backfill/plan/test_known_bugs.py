"""Preflight warnings about open findings whose bugs pause a job."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from backfill.models import Finding
from backfill.plan.known_bugs import with_known_bugs
from backfill.plan.planning import Plan
from tests.backfill.plan.test_planning import make_plan, on
from validation.preflight_report import PreflightKind, Report

pytestmark = pytest.mark.django_db


def open_finding(day: date, **fields: str) -> Finding:
    return Finding.objects.create(
        season=2021, subject="g", kind="impossible value", severity=2, rank=1, dates=[str(day)],
        processors=["PDC"], first=day, last=day, **fields,
    )  # fmt: skip


def warnings(planned: Plan) -> list[tuple[PreflightKind, tuple[date, ...]]]:
    report = with_known_bugs(Report((), ()), planned)
    return [(item.kind, item.dates) for item in report.warns]


def test_a_plan_into_an_open_finding_has_a_warning_for_its_first_date() -> None:
    open_finding(on(20))
    assert warnings(make_plan(20, 22)) == [(PreflightKind.KNOWN_BUG, (on(20),))]


@pytest.mark.parametrize("options", [{"brake": False}, {"processors": ("PSZA",)}])
def test_a_plan_that_cannot_pause_at_the_finding_has_no_warning(options: dict[str, Any]) -> None:
    open_finding(on(20))
    assert warnings(make_plan(20, 22, **options)) == []


def test_a_fixed_finding_is_no_warning() -> None:
    open_finding(on(20), state="fixed")
    assert warnings(make_plan(20, 22)) == []
