"""Failures that are expected only because Phase 3 rows are missing, on every page and in the shell."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from backfill.audit.marking import run_audit
from backfill.execution.inline import run_inline
from backfill.jobs.start import start_job
from backfill.models import AuditResult, Finding, Job
from backfill.status.failures import JobFailures
from backfill.warehouse.tables import PGS
from tests.seasons.tiny import FIRST, NIGHTS, give, make_options, season_rows
from tests.webapp.calls import Program
from tests.webapp.test_load import words
from validation.expectation import FEW, MISSING
from validation.retry import RetryClass

pytestmark = [pytest.mark.database, pytest.mark.django_db, pytest.mark.usefixtures("season")]
REASON = "only because Phase 3 rows are missing"


def ran_with(nights: list[object], folder: Path) -> Job:
    give(PGS, [row for row in season_rows(PGS) if row["game_date"] in nights], folder)
    job = start_job(make_options(skip_preflight=True, reason="test"), "ann", inline=True)
    assert job
    run_inline(job, "ann")
    run_audit()
    return job


def test_they_are_apart_from_early_season_failures(operator: Client, tmp_path: Path) -> None:
    job = ran_with([*NIGHTS[5:]], tmp_path)  # nine of the fourteen games before the first date
    found = {(r.processor, r.date): r.waiting for r in AuditResult.objects.exclude(waiting={})}
    assert found == {
        ("PSZA", FIRST): {FEW: 2},
        ("PDC", FIRST): {MISSING: 2},
        ("ML", FIRST): {MISSING: 2},
    }
    cause = Finding.objects.get(kind="Phase 3 missing")
    assert cause.numbers["failures on later dates"] == 5 * 6

    for url in (
        reverse("job", args=[job.pk]),
        reverse("rates"),
        reverse("home"),
    ):
        text = words(operator.get(url))
        assert "Phase 3 rows" in text, url
    assert "about 6 for missing Phase 3 rows" in words(operator.get(reverse("home")))
    listed = operator.get(reverse("triage"), {"q": "on later dates"})
    assert next(r.finding for k in listed.context["listing"].kinds for r in k.rows) == cause

    failures = JobFailures(job).failures({(code, FIRST) for code in ("PSZA", "PDC", "ML")})
    few = [f for f in failures if f.date == FIRST and f.what in (FEW, MISSING)]
    assert {f.verdict.retry for f in few} == {RetryClass.AFTER_UPSTREAM}

    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("triage", "--json", stdout=out)
    assert json.loads(out.getvalue())["waiting"] == 6
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("triage", stdout=out)
    assert f"about 6 expected {REASON}" in out.getvalue()
    assert Program("viewer").get(f"jobs/{job.pk}").document["waiting"] == 6


def test_complete_data_has_none(operator: Client, tmp_path: Path) -> None:
    job = ran_with([*NIGHTS], tmp_path)
    assert not AuditResult.objects.exclude(waiting={}).exists()
    assert REASON not in words(operator.get(reverse("job", args=[job.pk])))
    assert "missing Phase 3 rows" not in words(operator.get(reverse("home")))
