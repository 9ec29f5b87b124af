"""Job notifications, against a local web server: sent once, grouped, none without a problem."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils.timezone import now

from backfill.audit.marking import audit_due
from backfill.checks import notify_urls_are_understood
from backfill.errors import WarehouseBusy
from backfill.execution.inline import run_inline
from backfill.execution.sweep import sweep_lost_work
from backfill.jobs.lifecycle import pause_job, resume_job
from backfill.jobs.start import start_job
from backfill.models import SYSTEM, Batch, Event, Finding, Job, Notice, Run, SeasonAudit
from backfill.models.outbox import LEASE
from backfill.notify import messages
from backfill.status.progress import STALLED_SECONDS
from tests.backfill.listener import Listener
from tests.backfill.shell import Shell
from tests.postgres import database_url
from tests.seasons.tiny import FIRST, LAST, SECOND, break_on, make_options

SECONDS = timedelta(seconds=1)
LONG = timedelta(seconds=STALLED_SECONDS + 60)
SECRET = "s3cr3t-of-the-hook"
ROOT = Path(__file__).resolve().parents[3]
TELL = """
import django
django.setup()
from django.utils.timezone import now
from backfill.notify.messages import notify
notify(now())
"""

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    # Apprise imports imghdr.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]


@pytest.fixture
def listener(settings: Any) -> Iterator[Listener]:
    """Start a server and make it the notification target."""
    with Listener().listening() as made:
        settings.NOTIFY_URLS = [made.url()]
        settings.PANEL_URL = "https://panel.example.org/"
        yield made


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """Collect everything logged in a process that logs every level.

    caplog is unsuitable: it also captures loggers that do not propagate.
    """
    heard, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(heard), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield heard
    root.removeHandler(handler)
    root.setLevel(level)


def make_job(status: str = Job.Status.RUNNING, **fields: Any) -> Job:
    """Make a job with its first events, an hour old and without runs."""
    options = make_options(**fields).as_json()
    job = Job.objects.create(
        options=options, actor="ann", reason="late data", code_version="1", batch_size=1
    )
    hour_ago = now() - timedelta(hours=1)
    Event.objects.create(
        job=job, kind="created", to_state="queued", actor="ann", action="queued", at=hour_ago
    )
    Event.objects.create(
        job=job, to_state="running", actor=SYSTEM, action="queued → running", at=hour_ago
    )
    Job.objects.filter(pk=job.pk).update(status=status)
    job.refresh_from_db()
    return job


def ended(status: str = Job.Status.FAILED, **fields: Any) -> Job:
    """Make a job that has just ended, with its notification."""
    job = make_job(**fields)
    job.transition((job.status,), status, actor=SYSTEM, finished_at=now())
    Notice.note(job, Notice.Kind.DONE)
    return job


def braked(job: Job, reason: str) -> None:
    job.transition(Job.ACTIVE, Job.Status.PAUSING, actor=SYSTEM, reason=reason)
    Notice.note(job, Notice.Kind.PAUSED)
    job.transition((job.status,), Job.Status.PAUSED, actor=SYSTEM)


def make_finding(n: int = 0, day: date = FIRST, **fields: Any) -> Finding:
    values = {
        "kind": "UNEXPLAINED",
        "severity": 2,
        "rank": n,
        "sentence": f"sentence {n}",
        "processors": ["PSZA"],
        **fields,
    }
    return Finding.objects.create(
        season=2021, subject=str(n), dates=[str(day)], first=day, last=day, **values
    )


def judge(at: datetime | None = None) -> None:
    SeasonAudit.objects.update_or_create(
        season=2021, defaults={"at": at or now(), "seconds": 0.1, "compared": 1, "unexplained": 0}
    )


def titles(listener: Listener) -> list[str]:
    return [title for _, title, _ in listener.heard]


class TestDone:
    @pytest.mark.usefixtures("season")
    def test_a_job_that_went_wrong_is_one_message_with_counts_groups_and_a_link(
        self, listener: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        break_on(monkeypatch, "PSZA", SECOND)
        job = start_job(make_options(), "ann", inline=True)
        assert job
        run_inline(job, "ann")
        assert [messages.notify(now()), messages.notify(now())] == [1, 0]
        ((_, title, body),) = listener.heard
        assert title == f"Job {job.pk} failed: 1 run failed, 3 runs blocked"
        lines = body.splitlines()
        assert lines[:3] == [
            f"https://panel.example.org/jobs/{job.pk}/",
            f"{FIRST} to {LAST}, TDZA, PSZA, PCF, PDC, ML, backfill mode, by ann",
            "Runs: 16 complete, 3 blocked, 1 failed",
        ]
        assert lines[4:6] == ["Error groups:", lines[5]]
        assert lines[5].startswith(f"- 1 × PSZA AccountingError on 1 date from {SECOND}: ")
        assert f"`manage.py retry {job.pk} --dry-run`" in body

    @pytest.mark.shell
    @pytest.mark.usefixtures("season", "judged_after_jobs")
    def test_a_job_inside_expectation_tells_nobody(self, listener: Listener) -> None:
        job = start_job(make_options(), "ann", inline=True)
        assert job
        run_inline(job, "ann")
        assert messages.notify(now()) == 0
        assert Notice.objects.get().state == "not written yet"
        assert audit_due() == 1
        Finding.objects.update(severity=0)  # so small a league raises findings too
        assert (messages.notify(now()), listener.heard) == (0, [])
        assert Notice.objects.get().state == "not sent: nothing needs attention"

    def test_it_waits_for_the_judgement_that_follows_it_and_tells_what_that_found(
        self, listener: Listener, settings: Any
    ) -> None:
        settings.AUDIT_AFTER_JOBS = True
        judge(now() - timedelta(minutes=5))
        job = ended(Job.Status.SUCCEEDED)
        assert (messages.notify(now()), listener.heard) == (0, [])
        for n in range(12):
            make_finding(n)
        judge()
        assert messages.notify(now()) == 1
        ((_, title, body),) = listener.heard
        assert title == f"Job {job.pk} succeeded: 12 open findings"
        shown = [f"- problem: UNEXPLAINED: sentence {n}" for n in range(10)]
        assert body.splitlines()[-12:] == ["Findings, worst first:", *shown, "and 2 more"]

    def test_a_season_that_cannot_be_judged_does_not_keep_it_for_ever(
        self, listener: Listener, settings: Any
    ) -> None:
        settings.AUDIT_AFTER_JOBS = True
        ended()
        assert messages.notify(now() + messages.MOST_AUDIT_WAIT + SECONDS) == 1
        assert listener.heard[0][2].splitlines()[-1] == "These runs have not been audited."

    @pytest.mark.parametrize(
        "other",
        [
            {"severity": 0},
            {"day": date(2021, 12, 1)},
            {"processors": ["ML"]},
            {"state": Finding.State.ACKNOWLEDGED},
            {"state": Finding.State.CLOSED},
        ],
        ids=[
            "a note",
            "other dates",
            "other processors",
            "somebody looks at it",
            "its evidence is gone",
        ],
    )
    def test_a_finding_that_does_not_want_anybody_for_this_job_is_silent(
        self, listener: Listener, other: dict[str, Any]
    ) -> None:
        make_finding(**other)
        ended(Job.Status.SUCCEEDED, processors=("PSZA",))
        assert (messages.notify(now()), listener.heard) == (0, [])


class TestPaused:
    def test_each_bug_that_pauses_a_job_is_a_message(self, listener: Listener) -> None:
        job = make_job()
        braked(job, "brake: PSZA 2021-11-03: 3 PROCESSING_ERROR of 200 entities (and 2 more dates)")
        messages.notify(now())
        resume_job(job, "ann")
        job.refresh_from_db()
        braked(job, "brake: ML 2021-11-05: x is not a number")
        messages.notify(now())
        assert titles(listener) == [
            f"Job {job.pk} paused: brake: PSZA 2021-11-03: 3 PROCESSING_ERROR of 200 entities (and 2 more dates)",
            f"Job {job.pk} paused: brake: ML 2021-11-05: x is not a number",
        ]

    def test_a_person_who_pauses_a_job_is_not_told_so(self, listener: Listener) -> None:
        pause_job(make_job(), "ann")
        assert (messages.notify(now()), listener.heard) == (0, [])

    @pytest.mark.shell
    @pytest.mark.usefixtures("season")
    def test_the_brake_tells_which_bug_how_many_and_its_text(
        self, listener: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        break_on(monkeypatch, "PSZA", SECOND)
        job = start_job(make_options(brake=True, batch_size=1), "ann", inline=True)
        assert job
        run_inline(job, "ann")
        assert messages.notify(now()) == 1
        ((_, title, body),) = listener.heard
        assert title.startswith(f"Job {job.pk} paused: pause on error: PSZA {SECOND}: ")
        assert f"- 1 × PSZA AccountingError on 1 date from {SECOND}: " in body

    def test_a_text_of_many_lines_is_a_title_of_one(self, listener: Listener) -> None:
        braked(make_job(), "brake: a\nb " + 300 * "c")
        messages.notify(now())
        (title,) = titles(listener)
        assert (len(title), title.count("\n"), title[-1]) == (messages.MOST_TITLE, 0, "…")


class TestStalled:
    def test_a_job_that_stands_still_is_told_once_until_it_goes_on_again(
        self, listener: Listener
    ) -> None:
        job = make_job()
        Batch.objects.create(job=job, number=0, first_date=FIRST, last_date=LAST)
        Run.objects.create(job=job, processor="PSZA", date=FIRST, batch=0)
        assert [messages.notify(now()), messages.notify(now() + LONG)] == [1, 0]
        said = "no progress for 60 min: no worker is running; start workers with bin/up"
        assert titles(listener) == [f"Job {job.pk} stalled: {said}"]
        assert (
            f"- 1 batch, {FIRST} to {LAST}: no worker is running; start workers with bin/up"
            in listener.heard[0][2]
        )
        pause_job(job, "ann")
        resume_job(job, "ann")
        assert [messages.notify(now()), messages.notify(now() + LONG)] == [0, 1]

    @pytest.mark.parametrize("status", [Job.Status.PAUSED, Job.Status.SUCCEEDED])
    def test_what_is_not_under_way_does_not_stall(self, listener: Listener, status: str) -> None:
        make_job(status)
        assert messages.notify(now()) == 0


class TestDelivering:
    def test_a_server_that_fails_first_is_told_later_and_once(self, listener: Listener) -> None:
        ended()
        listener.status = {"all": 500}
        at = now()
        assert messages.notify(at) == 0
        found = Notice.objects.get()
        said = "NOTIFY_URLS entry 1 (json) rejected the message (status 500)"
        assert (found.tries, found.error, found.next_try_at > at) == (1, said, True)
        listener.status = {}
        assert [
            messages.notify(at),
            messages.notify(at + LEASE),
            messages.notify(at + 2 * LEASE),
        ] == [0, 1, 0]
        assert len(listener.heard) == 1

    def test_one_address_that_fails_repeats_nothing_to_the_others(
        self, listener: Listener, settings: Any
    ) -> None:
        settings.NOTIFY_URLS = [listener.url("a"), listener.url("b"), listener.url("c")]
        listener.status = {"b": 503}
        ended()
        at = now()
        messages.notify(at)
        listener.status = {}
        messages.notify(at + LEASE)
        assert [path for path, _, _ in listener.heard] == ["a", "c", "b"]

    def test_the_sweep_tells(self, listener: Listener) -> None:
        job = ended()
        sweep_lost_work()
        assert titles(listener) == [f"Job {job.pk} failed"]

    def test_without_urls_nothing_is_kept_or_sent(self, settings: Any) -> None:
        settings.NOTIFY_URLS = []
        ended()
        assert (Notice.objects.count(), messages.notify(now())) == (0, 0)

    def test_what_waits_when_the_urls_are_taken_away_stays(
        self, listener: Listener, settings: Any
    ) -> None:
        ended()
        settings.NOTIFY_URLS = []
        assert (messages.notify(now()), listener.heard) == (0, [])
        settings.NOTIFY_URLS = [listener.url()]
        assert messages.notify(now()) == 1

    def test_one_that_cannot_be_written_does_not_keep_back_the_others(
        self, listener: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = ended(), ended()

        def busy(job: Job) -> dict[str, Any]:
            if job == first:
                raise WarehouseBusy
            return whole(job)

        whole = messages.summarize
        monkeypatch.setattr(messages, "summarize", busy)
        assert messages.notify(now()) == 1
        assert titles(listener)[0].startswith(f"Job {second.pk} ")
        monkeypatch.undo()
        assert [n.state for n in Notice.objects.filter(job=first)] == ["not written yet"]

    @pytest.mark.django_db(transaction=True)
    def test_a_process_that_dies_between_sending_and_noting_sends_again(
        self, listener: Listener
    ) -> None:
        ended()
        env = os.environ | {
            "BACKCOURT_CRASH_AT": "after-notice",
            "NOTIFY_URLS": listener.url(),
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "AUDIT_AFTER_JOBS": "false",
        }
        connections.close_all()
        died = subprocess.run([sys.executable, "-c", TELL], cwd=ROOT, env=env, check=False)
        assert (died.returncode, len(listener.heard)) == (-signal.SIGKILL, 1)
        assert [messages.notify(now()), messages.notify(now() + LEASE)] == [0, 1]
        assert listener.heard[0] == listener.heard[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.shell
class TestSecrets:
    @pytest.mark.parametrize("status", [200, 404, 500])
    def test_an_address_is_in_no_log_no_error_and_no_answer(
        self, listener: Listener, settings: Any, logged: StringIO, shell: Shell, status: int
    ) -> None:
        settings.NOTIFY_URLS = [listener.url(SECRET), f"json://127.0.0.1:9/{SECRET}"]
        listener.status = {SECRET: status}
        ended()
        messages.notify(now())
        answers = [
            shell("notices"),
            shell("notices", "--json"),
            shell("notices", "--test"),
            shell("notices", "--test", "--json"),
        ]
        said = [logged.getvalue(), Notice.objects.get().error, *(a.out + a.err for a in answers)]
        assert [text for text in said if SECRET in text] == []
        assert "NOTIFY_URLS entry 2 (json) rejected the message" in Notice.objects.get().error

    @pytest.mark.parametrize("url", [f"{SECRET}", f"unheard-of://{SECRET}", f"slack://{SECRET}"])
    def test_one_that_apprise_does_not_understand_is_named_by_its_number(
        self, settings: Any, logged: StringIO, shell: Shell, url: str
    ) -> None:
        settings.NOTIFY_URLS = ["json://localhost", url]
        (found,) = notify_urls_are_understood()
        assert found.id == "backcourt.E004"
        assert str(found.msg).startswith("NOTIFY_URLS entry 2 (")
        answer = shell("notices")
        assert (answer.code, answer.out) == (2, "")
        assert SECRET not in f"{found} {answer.err} {logged.getvalue()}"

    def test_without_urls_nothing_is_checked(self, settings: Any) -> None:
        settings.NOTIFY_URLS = []
        assert notify_urls_are_understood() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.shell
class TestShell:
    def test_it_lists_what_was_told_and_what_waits(self, listener: Listener, shell: Shell) -> None:
        first = ended()
        messages.notify(now())
        second = ended()
        found = shell("notices", "--json").document
        assert [(n["job"], n["kind"], n["state"]) for n in found["notices"]] == [
            (second.pk, "done", "not written yet"),
            (first.pk, "done", Notice.objects.get(job=first).state),
        ]
        assert f"Job {first.pk} failed" in shell("notices").out

    def test_a_test_message_goes_to_everybody(
        self, listener: Listener, settings: Any, shell: Shell
    ) -> None:
        settings.NOTIFY_URLS = [listener.url("a"), listener.url("b")]
        answer = shell("notices", "--test")
        assert (answer.code, [path for path, _, _ in listener.heard]) == (0, ["a", "b"])
        assert answer.out.splitlines() == [f"NOTIFY_URLS entry {n} (json): sent" for n in (1, 2)]

    def test_one_that_does_not_arrive_exits_1(self, listener: Listener, shell: Shell) -> None:
        listener.status = {"all": 401}
        answer = shell("notices", "--test", "--json")
        error = "rejected the message (status 401)"
        assert (answer.code, answer.document) == (
            1,
            {"sent": [{"where": "NOTIFY_URLS entry 1 (json)", "error": error}]},
        )

    def test_without_urls_it_says_so(self, settings: Any, shell: Shell) -> None:
        settings.NOTIFY_URLS = []
        assert shell("notices", "--test").code == 2
        assert shell("notices").out == "notifications are off: NOTIFY_URLS is not set\n"


@pytest.mark.shell
def test_neither_a_verb_nor_a_worker_imports_what_only_the_site_or_a_message_needs() -> None:
    code = """
import sys
import webapp.celery
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "query", "--list", "--json"])
import backfill.execution.tasks, backfill.notify.apprise
print({"apprise", "ninja", "pydantic", "prometheus_client", "webapp.urls", "webapp.auth.admin"} & set(sys.modules))
"""
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "webapp.settings"}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, check=True, capture_output=True, text=True
    ).stdout
    assert said.splitlines()[-1] == "set()"
