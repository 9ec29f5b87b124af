"""One confirmation for everything that overwrites complete runs: pages, API and shell."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

from backfill.jobs.launches import launch_backfill
from backfill.models import Job, Launch
from backfill.plan.options import Options
from tests.backfill.working import make_job, run_all
from tests.seasons.tiny import FIRST, LAST
from tests.webapp.calls import Program
from tests.webapp.test_retry_page import A_DATE, ONE_DATE
from webapp.models import Role

pytestmark = [pytest.mark.database, pytest.mark.django_db]
FORCED = {"start": str(FIRST), "end": str(LAST), "processors": ["PSZA"], "force": True}
NUMBERS = {"new": 1, "rerun": 1, "retry": 4, "approve": 1}


def asked(way: str, operator: Client) -> tuple[str, dict[str, str], str]:
    """Return the path, the fields and the page of a start that overwrites runs."""
    if way == "new":
        query = {"start": str(A_DATE), "end": str(A_DATE), "processors": "PSZA"}
        fields = {**query, "what": "everything", "reason": "again"}
        path = reverse("backfill_new")
    elif way == "rerun":
        path, fields = reverse("date_run", args=[A_DATE, "PSZA"]), {"reason": "again"}
    elif way == "retry":
        path, fields = reverse("retry", args=[1]), {**ONE_DATE, "look": "1", "reason": "again"}
    else:
        options = Options(start=A_DATE, end=A_DATE, processors=("PSZA",), force=True)
        kept = launch_backfill(options, "olga", limit=0)
        assert isinstance(kept, Launch)
        path, fields = reverse("backfill_decide", args=[kept.pk, "approve"]), {"why": "again"}
    html = unescape(operator.get(path, fields).content.decode())
    hidden = re.findall(r'type="hidden" name="(previewed|seal)" value="([^"]+)"', html)
    return path, {**fields, **dict(hidden)}, html


@pytest.mark.parametrize(("way", "number"), NUMBERS.items())
def test_each_page_asks_for_the_number_and_starts_nothing_without_it(
    demo: Any, operator: Client, way: str, number: int
) -> None:
    path, fields, html = asked(way, operator)
    runs = f"{number} complete run{'s' * (number > 1)} will be overwritten"
    assert f"{runs}. Type {number} to confirm." in html
    before = list(Job.objects.values_list("pk"))
    for wrong in ({}, {"overwrites": ""}, {"overwrites": "2"}, {"overwrites": "yes"}):
        answer = operator.post(path, {**fields, **wrong})
        text = unescape(answer.content.decode())
        field = text[text.index('name="overwrites"') :].partition("</div>")[0]
        assert answer.status_code == 422
        assert f"{runs}; type {number} to confirm" in field
        assert 'aria-invalid="true"' in field
        assert list(Job.objects.values_list("pk")) == before
    assert operator.post(path, {**fields, "overwrites": str(number)}).status_code == 302
    assert Job.objects.count() == len(before) + 1


def test_who_starts_nothing_is_not_asked(demo: Any, viewer: Client) -> None:
    query = {"start": str(A_DATE), "end": str(A_DATE), "what": "everything"}
    for path, given in (
        (reverse("backfill_new"), query),
        (reverse("retry", args=[1]), {**ONE_DATE, "look": "1"}),
    ):
        assert 'name="overwrites"' not in viewer.get(path, given).content.decode()


def refused(post: Callable[..., Any], path: str, number: int, **sent: Any) -> Any:
    """Assert that the API refuses a wrong number; return its answer to the right one."""
    before = Job.objects.count()
    answer = post(path, **sent, overwrites=number + 1)
    runs = f"{number} complete run{'s' * (number > 1)}"
    assert (answer.status, answer.detail) == (
        422,
        f'{runs} will be overwritten; send "overwrites": {number} to confirm',
    )
    assert Job.objects.count() == before
    return post(path, **sent, overwrites=number)


@pytest.mark.usefixtures("season")
def test_the_api_refuses_starts_and_approvals_with_another_number(settings: Any) -> None:
    run_all(make_job(batch_size=4))
    api = Program(Role.OPERATOR)
    number = api.post("jobs/preview", **FORCED).document["overwrites"]
    assert number == 4
    settings.APPROVAL_THRESHOLD_DATES = 1
    kept = refused(api.post, "jobs", number, **FORCED)
    assert kept.status == 202
    path = f"launches/{kept.document['launch']}/approve"
    assert refused(Program(Role.ADMIN).post, path, number).document["state"] == "started"


def test_the_api_refuses_a_retry_with_another_number(demo: Any) -> None:
    sent = {"start": str(A_DATE), "end": str(A_DATE), "override": True}
    api = Program(Role.OPERATOR)
    assert api.post("jobs/1/retry/preview", **sent).document["overwrites"] == 4
    assert refused(api.post, "jobs/1/retry", 4, **sent, reason="fixed").status == 201


STARTS = {"start_job", "launch_backfill", "retry_job", "approve_launch"}


def test_every_caller_that_starts_runs_passes_the_confirmation() -> None:
    """A start that a new page, operation or command forgets to confirm."""
    root = Path(django_settings.BASE_DIR)
    files = [*root.glob("webapp/**/*.py"), *root.glob("backfill/[cm]*/**/*.py")]
    calls = [
        (path.name, call.func.id, {word.arg for word in call.keywords})
        for path in files
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in STARTS
    ]
    assert {name for _, name, _ in calls} == STARTS
    assert [(path, name) for path, name, words in calls if "confirm" not in words] == []
