"""System page: workers, seasons, concurrency limit (admins), tokens (owner), no secrets."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backfill.celery_app import celery_app
from backfill.models import (
    Batch,
    Event,
    Finding,
    Job,
    Limits,
    Notice,
    Run,
    SeasonAudit,
    Trigger,
    Worker,
)
from backfill.process_id import this_process
from backfill.status import system_health
from backfill.status.attention import audit_headline
from backfill.status.season_grid import problem_cells, season_grid
from tests.webapp.conftest import logged_in
from tests.webapp.demo import YEAR, Demo
from webapp.models import Role, Token
from webapp.pages.system import MOST_TOKENS

pytestmark = [pytest.mark.database, pytest.mark.django_db]
ASK_REDIS = system_health.redis
CAP = {"batches": "3", "reason": "<script>quiet hours</script>"}


@pytest.fixture(autouse=True)
def no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the Redis check, which would wait for a connection."""
    monkeypatch.setattr(
        system_health,
        "redis",
        lambda: {"where": "redis://nowhere", "answers": False, "said": "it is away"},
    )


def page(client: Client) -> str:
    answer = client.get(reverse("system"))
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_tells_what_is_loaded_and_judged(viewer: Client, demo: Demo) -> None:
    (season,) = system_health.seasons()
    rows = {name: n for name, n, _ in season["rows"]}
    assert (season["name"], season["dates"], season["audit"].season) == ("2021-22", 164, 2021)
    assert (list(rows), rows["SCHED"]) == (["PGS", "TDGS", "TOGS", "UPGC", "UTGC", "SCHED"], 1230)
    assert "2021-22" in page(viewer)


def test_a_redis_that_does_not_answer_is_said_without_its_password(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://:hunter2@127.0.0.1:1/0"
    monkeypatch.setattr(celery_app().conf, "broker_write_url", settings.REDIS_URL)
    found = ASK_REDIS()
    assert (found["answers"], bool(found["said"])) == (False, True)
    assert "hunter2" not in f"{found['where']} {found['said']}"


def test_a_redis_that_does_not_answer_is_said_to_lose_nothing(viewer: Client, db: None) -> None:
    text = page(viewer)
    assert "it is away. No work is lost" in text


def test_no_secret_is_shown(admin: Client, settings: Any) -> None:
    settings.NOTIFY_URLS = ["slack://token-that-opens-a-door"]
    text = page(admin)
    assert settings.SECRET_KEY not in text
    assert "token-that-opens-a-door" not in text
    assert "1 URL" in text


def test_a_setting_without_a_value_is_not_set(viewer: Client, db: None, settings: Any) -> None:
    settings.NOTIFY_URLS = []
    values = dict(pair for _, pairs in system_health.in_force() for pair in pairs)
    assert values["NOTIFY_URLS"] == "not set"
    assert values["LOGIN_FAILURE_LIMIT"] == settings.LOGIN_FAILURE_LIMIT
    assert "0 URLs" not in page(viewer)


def test_workers_and_batches_are_shown(viewer: Client, demo: Demo) -> None:
    Worker.objects.create(name=this_process(), kind=Worker.Kind.WORKER)
    Worker.objects.create(
        name="elsewhere 7 0", kind=Worker.Kind.WORKER, seen_at="2021-11-22T00:00:00Z"
    )
    job, calm = Job.objects.get(), page(viewer)
    assert (calm.count("running</span>"), calm.count("stopped</span>")) == (1, 1)
    Job.objects.filter(pk=job.pk).update(status=Job.Status.RUNNING)
    Batch.objects.filter(job=job, number=1).update(status=Batch.Status.IN_FLIGHT)
    busy = page(viewer)
    assert f"Job {job.pk}</a>: 1 of {job.max_in_flight}" in busy


def test_messages_that_wait_are_listed(viewer: Client, demo: Demo) -> None:
    job = Job.objects.get()
    Trigger.objects.create(
        job=job,
        date="2021-11-22",
        message={},
        topic="projects/p/topics/t",
        error="<b>denied</b>",
        tries=2,
    )
    Trigger.objects.create(job=job, date="2021-11-23", message={})
    Notice.objects.create(
        job=job, kind=Notice.Kind.DONE, event=job.events.filter(run=None).earliest("pk")
    )
    text = page(viewer)
    assert "&lt;b&gt;denied&lt;/b&gt;" in text
    assert "1 Phase 5 message, 1 notification" in text


def test_an_admin_changes_the_cap_in_all_and_the_change_is_kept_as_text(
    admin: Client, db: None
) -> None:
    answer = admin.post(reverse("system_batch_limit"), CAP, follow=True)
    assert Limits.current().max_parallel_batches == 3
    (event,) = system_health.events()
    assert (event.actor, event.reason) == ("ada", CAP["reason"])
    text = answer.content.decode()
    assert "Concurrency limit of all jobs: 3" in text
    assert "&lt;script&gt;quiet hours" in text
    assert "<script>quiet" not in text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_nobody_else_can_change_the_cap_and_sees_why(role: str, db: None) -> None:
    client, before = logged_in("nobody", role), Limits.current().max_parallel_batches
    assert client.post(reverse("system_batch_limit"), CAP).status_code == 403
    assert (Limits.current().max_parallel_batches, system_health.events()) == (before, [])
    assert "admins only" in page(client)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"batches": "3", "reason": " "}, "enter a reason"), ({"batches": "0", "reason": "x"}, "must be 1 to 64"),
        ({"batches": "-1", "reason": "x"}, "takes a whole number"), ({"reason": "x"}, "must be 1 to 64"),
    ],
)  # fmt: skip
def test_a_cap_that_cannot_be_is_refused_in_one_sentence(
    admin: Client, db: None, form: dict[str, str], sentence: str
) -> None:
    answer = admin.post(reverse("system_batch_limit"), form)
    assert answer.status_code == 422
    assert sentence in answer.content.decode().lower()
    assert system_health.events() == []


def test_a_cap_is_changed_by_post_alone(admin: Client, db: None) -> None:
    assert admin.get(reverse("system_batch_limit"), CAP).status_code == 405


@pytest.mark.parametrize("name", ["viewer", "operator", "admin"])
def test_everybody_can_make_a_key_of_his_own_that_is_shown_once(
    name: str, request: pytest.FixtureRequest, db: None
) -> None:
    client: Client = request.getfixturevalue(name)
    answer = client.post(reverse("tokens"), {"name": "<b>nightly</b>"})
    token = Token.objects.get()
    key = answer.content.decode().partition('<pre id="key">')[2].partition("</pre>")[0]
    assert Token.of(key) == token
    assert token.user.username == {"viewer": "vera", "operator": "otto", "admin": "ada"}[name]
    assert "no-store" in answer["Cache-Control"]
    again = client.get(reverse("tokens")).content.decode()
    assert key not in again
    assert "&lt;b&gt;nightly&lt;/b&gt;" in again


def test_a_key_without_a_name_or_with_a_name_twice_is_refused(viewer: Client) -> None:
    assert viewer.post(reverse("tokens"), {"name": " "}).status_code == 422
    viewer.post(reverse("tokens"), {"name": "nightly"})
    answer = viewer.post(reverse("tokens"), {"name": "nightly"})
    assert (answer.status_code, Token.objects.count()) == (422, 1)
    assert "already" in answer.content.decode()


def test_nobody_has_more_keys_than_he_can_oversee(viewer: Client) -> None:
    for n in range(MOST_TOKENS + 1):
        last = viewer.post(reverse("tokens"), {"name": f"program {n}"})
    assert (last.status_code, Token.objects.count()) == (422, MOST_TOKENS)


def test_a_revoked_key_is_worth_nothing_and_only_its_owner_revokes_it(
    viewer: Client, operator: Client
) -> None:
    viewer.post(reverse("tokens"), {"name": "nightly"})
    url = reverse("token_revoke", args=[Token.objects.get().pk])
    assert operator.post(url).status_code == 404
    assert "nightly" not in operator.get(reverse("tokens")).content.decode()
    assert viewer.get(url).status_code == 405
    assert viewer.post(url, follow=True).status_code == 200
    assert not Token.objects.exists()


def test_what_belongs_to_a_job_or_a_finding_is_not_among_what_holds_for_all(demo: Demo) -> None:
    Event.objects.create(finding=Finding.objects.first(), actor="otto", action="open → fixed")
    alone = Event.objects.create(actor="ada", action="batches in flight 2 → 3")
    assert system_health.events() == [alone]


def test_the_number_of_queries_is_constant(
    viewer: Client, demo: Demo, django_assert_max_num_queries: Any
) -> None:
    page(viewer)
    with django_assert_max_num_queries(25):
        page(viewer)


def test_headlines_of_all_seasons_are_those_of_their_grids(demo: Demo) -> None:
    audit = SeasonAudit.objects.get(season=YEAR)
    newest = Run.objects.filter(failures__PROCESSING_ERROR__gt=0).first()
    changes: tuple[dict[str, Any], ...] = (
        {},
        {"status": "failed"},
        {"status": "blocked"},
        {"run_id": "newer"},
        {"status": "running"},
        {"status": "cancelled"},
    )
    texts = []
    for change in changes:
        Run.objects.filter(pk=newest.pk).update(**change)
        texts.append(audit_headline(audit, problem_cells([YEAR])[YEAR]))
        assert texts[-1] == audit_headline(audit, season_grid(YEAR).cells.values())
    assert len(set(texts)) > 3
