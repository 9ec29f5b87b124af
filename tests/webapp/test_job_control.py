"""Pause, resume, cancel and concurrency limit: confirmed first, executed by POST, recorded with
actor and reason.
"""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from backfill.models import Event, Job, Run
from tests.webapp.demo import Demo

pytestmark = [pytest.mark.database, pytest.mark.django_db]
VERBS = ("pause", "resume", "cancel", "limit")


@pytest.fixture
def job(demo: Demo) -> Job:
    """Make a worker job with two pending runs and one running."""
    like = Job.objects.get()
    options = {**like.options, "start": "2030-11-20", "end": "2030-11-22"}
    made = Job.objects.create(
        status="running", actor="ann", options=options, code_version="x", batch_size=1
    )
    for day, status in ((20, "running"), (21, "pending"), (22, "pending")):
        made.batches.create(number=day, first_date=f"2030-11-{day}", last_date=f"2030-11-{day}")
        Run.objects.create(
            job=made, processor="TDZA", date=f"2030-11-{day}", batch=day, status=status
        )
    return made


def url(verb: str, job: Job) -> str:
    return reverse(f"job_{verb}", args=[job.pk])


def last_event(job: Job) -> tuple[str, str, str]:
    return (
        Event.objects.filter(job=job, run=None)
        .order_by("pk")
        .values_list("action", "actor", "reason")
        .last()
    )


def test_pause_resume_and_cancel_change_the_job_with_who_and_why(
    operator: Client, job: Job
) -> None:
    answer = operator.post(url("pause", job), {"reason": "lunch <script>"})
    assert (answer.status_code, answer["Location"]) == (302, f"/jobs/{job.pk}/")
    assert last_event(job) == ("running → pausing", "otto", "lunch <script>")
    dialog = operator.get(url("resume", job)).content.decode()
    assert "Current reason: <strong>lunch &lt;script&gt;</strong> (otto)" in dialog
    operator.post(url("resume", job), {"reason": "back", "brake": "release"})
    assert last_event(job) == ("pausing → running", "otto", "back")
    assert not Job.objects.get(pk=job.pk).brake
    operator.post(url("cancel", job), {"reason": "enough"})
    assert last_event(job) == ("running → cancelling", "otto", "enough")
    html = operator.get(reverse("job", args=[job.pk])).content.decode()
    assert "Cancelling: 2 dropped, 1 finishing." in html
    assert "2 runs dropped, 1 finishing, 0 stopped" in html
    assert "lunch &lt;script&gt;" in html


def test_cancel_by_force_stops_what_runs(operator: Client, job: Job) -> None:
    operator.post(url("cancel", job), {"force": "force"})
    assert Job.objects.get(pk=job.pk).status == "cancelled"
    assert set(job.runs.values_list("status", flat=True)) == {"cancelled"}


def test_cancel_says_what_it_would_do_and_does_nothing_yet(operator: Client, job: Job) -> None:
    dialog = operator.get(
        url("cancel", job), headers={"HX-Request": "true", "HX-Target": "dialog"}
    ).content.decode()
    assert dialog.lstrip().startswith('<div class="dialog-head">')
    assert (
        "<strong>2</strong> pending runs will be dropped; <strong>1</strong> is running" in dialog
    )
    assert Job.objects.get(pk=job.pk).status == "running"


def test_the_cap_changes_and_a_wrong_one_is_told_beside_its_field_with_the_reason_kept(
    operator: Client, job: Job
) -> None:
    wrong = operator.post(url("limit", job), {"batches": "0", "reason": "faster please"})
    assert (wrong.status_code, Job.objects.get(pk=job.pk).max_in_flight) == (422, 1)
    assert "greater than or equal to 1" in wrong.content.decode()
    assert "faster please" in wrong.content.decode()
    operator.post(url("limit", job), {"batches": "3", "reason": "faster"})
    assert (Job.objects.get(pk=job.pk).max_in_flight, last_event(job)) == (
        3,
        ("concurrency limit 1 → 3", "otto", "faster"),
    )


def test_what_cannot_be_done_is_refused_with_one_sentence(operator: Client, demo: Demo) -> None:
    ended = Job.objects.get()
    answer = operator.post(url("pause", ended))
    assert answer.status_code == 422
    assert "cannot be paused" in answer.content.decode()


@pytest.mark.parametrize("verb", VERBS)
def test_a_viewer_is_told_whose_part_it_is_and_changes_nothing(
    viewer: Client, job: Job, verb: str
) -> None:
    for answer in (viewer.get(url(verb, job)), viewer.post(url(verb, job), {"batches": "3"})):
        assert (answer.status_code, "operators and admins" in answer.content.decode()) == (
            403,
            True,
        )
    assert (Job.objects.get(pk=job.pk).status, job.events.count()) == ("running", 0)


def test_a_viewer_sees_the_buttons_and_why_they_are_not_for_him(
    viewer: Client, operator: Client, job: Job
) -> None:
    page = reverse("job", args=[job.pk])
    assert "operators only" in viewer.get(page).content.decode()
    html = operator.get(page).content.decode()
    assert "operators only" not in html
    assert "the job is already running" in html
    assert f'hx-get="/jobs/{job.pk}/pause/"' in html


@pytest.mark.parametrize("verb", VERBS)
def test_without_its_token_a_form_does_nothing(operator: Client, job: Job, verb: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    assert strict.post(url(verb, job), {"batches": "3"}).status_code == 403
