"""/healthz and /metrics for monitoring."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db import Error
from django.db.models import QuerySet, Sum
from django.test import Client
from django.utils.timezone import now
from prometheus_client.parser import text_string_to_metric_families

from backfill.models import AuditResult, Batch, Job, Launch, Run, SeasonAudit, Sweep, Trigger
from tests.backfill.working import make_worker
from tests.webapp.calls import Program
from tests.webapp.demo import Demo
from webapp.models import Role

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def scraped(program: Program | None = None) -> dict[str, dict[tuple[str, ...], float]]:
    """Return every metric with its samples, read by Prometheus' own parser."""
    answer = Client().get("/metrics", headers=(program or Program(Role.VIEWER)).headers)
    assert (answer.status_code, answer["Content-Type"].startswith("text/plain; version=")) == (
        200,
        True,
    )
    families = text_string_to_metric_families(answer.content.decode())
    return {f.name: {tuple(s.labels.values()): s.value for s in f.samples} for f in families}


class TestHealth:
    def test_anybody_may_ask_whether_it_works(self) -> None:
        answer = Client().get("/healthz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    def test_it_is_answered_also_without_https(self, settings: Any) -> None:
        settings.SECURE_SSL_REDIRECT = True
        assert [Client().get(path).status_code for path in ("/healthz", "/metrics")] == [200, 301]

    def test_without_its_database_it_does_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def gone(self: QuerySet[Any]) -> bool:
            raise Error("the server at 10.0.0.7 has gone away")

        monkeypatch.setattr(QuerySet, "exists", gone)
        answer = Client().get("/healthz")
        assert (answer.status_code, answer.json()) == (
            503,
            {"status": "failing", "failing": ["database"]},
        )


class TestMetrics:
    def test_they_are_for_keys_and_for_who_is_logged_in(self, viewer: Client) -> None:
        assert Client().get("/metrics").status_code == 401
        assert (
            Client().get("/metrics", headers={"Authorization": "Bearer nonsense"}).status_code
            == 401
        )
        assert viewer.get("/metrics").status_code == 200
        assert "backcourt_jobs" in scraped()

    def test_they_are_what_the_database_says(self, demo: Demo) -> None:
        job, at = Job.objects.get(), now()
        make_worker()
        Sweep.objects.create(at=at - timedelta(seconds=30), seconds=0.1)
        Trigger.objects.create(
            job=job, date=at.date(), message={}, topic="projects/nba/topics/phase-5"
        )
        # Without a topic, a trigger is only recorded.
        Trigger.objects.create(job=job, date=at.date() + timedelta(days=1), message={})
        found = scraped()
        assert found["backcourt_jobs"] == {(s,): float(s == job.status) for s in Job.Status.values}
        assert sum(found["backcourt_runs"].values()) == Run.objects.count()
        failed = Run.objects.filter(processor="PSZA", status="failed").count()
        assert found["backcourt_runs"]["PSZA", "failed"] == failed
        assert (
            sum(n for (_, state), n in found["backcourt_findings"].items() if state == "open") > 0
        )
        assert found["backcourt_workers_alive"] == {(): 1}
        assert 30 <= found["backcourt_sweep_age_seconds"][()] < 90
        assert found["backcourt_batches_in_flight"] == {(): 0}
        assert found["backcourt_batches_in_flight_limit"] == {(): 1}
        assert found["backcourt_undelivered_messages"] == {("trigger",): 1, ("notice",): 0}
        judged = SeasonAudit.objects.get()
        assert found["backcourt_unexplained_failures"] == {
            (str(judged.season),): judged.unexplained
        }
        assert found["backcourt_judgement_age_seconds"].keys() == {(str(judged.season),)}

    def test_waiting_work_is_measured_from_its_start(self, demo: Demo) -> None:
        at, job = now(), Job.objects.get()
        Job.objects.update(status=Job.Status.RUNNING)
        first, second, third = job.batches.order_by("number")[:3]
        sent = {"status": Batch.Status.IN_FLIGHT, "touched_at": at - timedelta(seconds=100)}
        job.batches.filter(pk__in=(first.pk, second.pk)).update(**sent)
        job.batches.filter(pk=third.pk).update(status=Batch.Status.WAITING)
        # A worker runs the first batch; the second waits for one.
        Run.objects.filter(batch=first.number, processor="ML").update(status=Run.Status.RUNNING)
        for seconds, approval in ((50, ""), (200, ""), (900, "too large")):
            start_at = at - timedelta(seconds=seconds)
            Launch.objects.create(
                options={}, actor="ann", start_at=start_at, needs_approval=approval
            )
        make_worker(seen_at=at - timedelta(seconds=3))
        make_worker(name="elsewhere 8 12", seen_at=at - timedelta(seconds=500))
        found = scraped()
        one = {
            name: found[f"backcourt_{name}"][()] for name in ("batches_queued", "batches_waiting")
        }
        assert one == {"batches_queued": 1, "batches_waiting": 1}
        assert found["backcourt_batches_in_flight"] == {(): 2}
        assert 100 <= found["backcourt_queue_age_seconds"][()] < 160
        assert 200 <= found["backcourt_schedule_lateness_seconds"][()] < 260
        assert 500 <= found["backcourt_oldest_heartbeat_seconds"][()] < 560
        Job.objects.update(status=Job.Status.PAUSED)
        assert scraped()["backcourt_queue_age_seconds"] == {(): 0}

    def test_audited_entities_and_disk_space(self, demo: Demo) -> None:
        found = scraped()
        unexpected = AuditResult.objects.filter(processor="PSZA").aggregate(n=Sum("unexplained"))
        assert found["backcourt_audited_entities"]["PSZA", "unexpected"] == unexpected["n"]
        assert found["backcourt_audited_entities"]["TDZA", "expected"] > 0
        free, size = found["backcourt_disk_free_bytes"], found["backcourt_disk_size_bytes"]
        assert free.keys() == size.keys() == {("data",), ("warehouse",)}
        assert all(0 < free[volume] < size[volume] for volume in free)

    def test_prometheus_scrapes_a_replica_without_https_only_behind_a_proxy(self) -> None:
        def exempt(**env: str) -> str:
            code = "from webapp import settings; print(settings.SECURE_REDIRECT_EXEMPT)"
            command = [sys.executable, "-c", code]
            return subprocess.check_output(command, env={**os.environ, **env}, text=True).strip()

        assert "metrics" in exempt(BEHIND_PROXY="true")
        assert "metrics" not in exempt(BEHIND_PROXY="false")

    def test_the_number_of_queries_does_not_grow_with_what_there_is(
        self, demo: Demo, django_assert_max_num_queries: Any
    ) -> None:
        program = Program(Role.VIEWER)
        scraped(program)  # records the token's use, once a minute
        with django_assert_max_num_queries(16):
            scraped(program)

    def test_an_empty_installation_has_zeros_not_gaps(self) -> None:
        Job.objects.all().delete()
        found = scraped()
        assert set(found["backcourt_runs"].values()) == {0.0}
        assert found["backcourt_sweep_age_seconds"] == {}
