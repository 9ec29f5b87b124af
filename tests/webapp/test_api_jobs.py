"""Jobs in the API: reads and changes."""

from __future__ import annotations

from typing import Any

import pytest

from backfill.models import Event, Finding, Job, Limits, Run
from tests.backfill.working import make_job, run_all
from tests.seasons.tiny import FIRST, LAST, SECOND
from tests.webapp.calls import Program
from tests.webapp.demo import END, FAULTY, START, Demo
from webapp.models import Role

pytestmark = [pytest.mark.database]
RANGE = {"start": str(FIRST), "end": str(LAST)}


@pytest.mark.django_db
@pytest.mark.usefixtures("season")
class TestChanging:
    def started(self, **sent: Any) -> tuple[Program, int]:
        api = Program(Role.OPERATOR)
        return api, api.post("jobs", **RANGE, **sent).document["job"]

    def test_the_dates_of_another_job_are_a_conflict(self) -> None:
        api, job = self.started()
        answer = api.post("jobs", **RANGE)
        assert (
            answer.status,
            f"job {job} (a operator, queued) holds 20 runs" in answer.detail,
        ) == (409, True)

    def test_what_is_complete_starts_nothing(self) -> None:
        run_all(make_job(batch_size=4))
        answer = Program(Role.OPERATOR).post("jobs", **RANGE)
        assert (answer.status, answer.document["job"]) == (200, None)

    def test_a_plan_that_has_changed_since_its_preview_is_not_started(self) -> None:
        api = Program(Role.OPERATOR)
        sealed = api.post("jobs/preview", **RANGE).document["sealed"]
        run_all(make_job(end=FIRST))
        answer = api.post("jobs", **RANGE, previewed=sealed)
        assert (answer.status, "changed since the preview" in answer.detail) == (409, True)
        again = api.post("jobs/preview", **RANGE).document["sealed"]
        assert api.post("jobs", **RANGE, previewed=again).status == 201

    def test_dates_and_exclusions_are_taken_as_text(self) -> None:
        api, job = self.started()
        api.post(f"jobs/{job}/cancel")
        made = api.post("jobs", dates=f"{FIRST}..{LAST}", exclude=str(SECOND))
        found = api.get(f"jobs/{made.document['job']}").document
        assert SECOND not in set(
            Run.objects.filter(job=made.document["job"]).values_list("date", flat=True)
        )
        again = api.post("jobs/preview", **found["options"])  # the options of a job are options
        assert again.document["options"] == found["options"]

    def test_above_the_limit_it_waits_for_a_second_person(self, settings: Any) -> None:
        settings.APPROVAL_THRESHOLD_DATES = 1
        api = Program(Role.OPERATOR)
        asked = api.post("jobs", **RANGE)
        assert (asked.status, asked.document["job"]) == (202, None)
        number = asked.document["launch"]
        assert api.post(f"launches/{number}/approve").status == 422  # the caller's own launch
        (shown,) = Program(Role.VIEWER).get("launches", state="waiting").document["launches"]
        assert (shown["launch"], shown["who"]) == (number, "a operator")
        agreed = Program(Role.ADMIN).post(f"launches/{number}/approve", reason="go")
        assert (agreed.status, agreed.document["state"], Job.objects.count()) == (200, "started", 1)

    def test_an_admin_needs_nobody(self, settings: Any) -> None:
        settings.APPROVAL_THRESHOLD_DATES = 1
        assert Program(Role.ADMIN).post("jobs", **RANGE).status == 201

    def test_a_launch_is_refused_or_withdrawn(self, settings: Any) -> None:
        settings.APPROVAL_THRESHOLD_DATES = 1
        api = Program(Role.OPERATOR)
        first, second = (api.post("jobs", **RANGE).document["launch"] for _ in range(2))
        assert (
            Program(Role.ADMIN).post(f"launches/{first}/refuse", reason="no").document["state"]
            == "refused"
        )
        assert api.post(f"launches/{second}/withdraw").document["state"] == "withdrawn"

    def test_what_cancelling_would_do_is_asked_before(self) -> None:
        api, job = self.started()
        none = {"warehouse_jobs": [], "warehouse_jobs_running": [], "warehouse_error": ""}
        would = {
            "job": job,
            "status": "queued",
            "dropped": 20,
            "finishing": 0,
            "stopped": 0,
            **none,
        }
        assert api.get(f"jobs/{job}/cancel").document == would
        assert api.post(f"jobs/{job}/cancel", reason="wrong").document == {
            **would,
            "status": "cancelled",
        }
        assert api.post(f"jobs/{job}/pause").status == 422

    def test_the_concurrency_limits(self) -> None:
        api, job = self.started()
        assert api.post(f"jobs/{job}/limit", batches=3).document == {"job": job, "batches": 3}
        assert Job.objects.get(pk=job).max_in_flight == 3
        assert Program(Role.ADMIN).post("limit", batches=4, reason="more").status == 200
        assert Limits.current().max_parallel_batches == 4
        assert list(Event.objects.filter(job=None).values_list("actor", "reason")) == [
            ("a admin", "more")
        ]
        assert api.post(f"jobs/{job}/limit", batches=0).status == 422

    def test_the_concurrency_limits_by_the_paths_of_the_previous_release(self) -> None:
        api, job = self.started()
        assert api.post(f"jobs/{job}/cap", batches=3).document == {"job": job, "batches": 3}
        assert Job.objects.get(pk=job).max_in_flight == 3
        assert Program(Role.ADMIN).post("cap", batches=4).status == 200
        assert Limits.current().max_parallel_batches == 4


@pytest.mark.django_db
class TestLooking:
    def test_a_job_is_told_from_its_line_to_its_last_run(self, demo: Demo) -> None:
        api = Program(Role.VIEWER)
        (line,) = api.get("jobs").document["jobs"]
        number = line["job"]
        assert sum(line["runs"].values()) == Run.objects.count()
        whole = api.get(f"jobs/{number}").document
        assert (whole["job"], whole["options"]["start"]) == (number, str(START))
        assert api.get(f"jobs/{number}/progress").document["status"] == line["status"]
        told = api.get(f"jobs/{number}/events").document["events"]
        assert told[0]["what"] == "queued"
        later = api.get(f"jobs/{number}/events", after=told[0]["event"]).document["events"]
        assert later == told[1:]
        runs = api.get(f"jobs/{number}/events", runs=True, limit=5).document["events"]
        assert len(runs) == 5
        report = api.get(f"jobs/{number}/report").document
        assert (len(report["runs"]), report["events"]) == (Run.objects.count(), told)
        assert (
            api.get("jobs", before=number).document
            == api.get("jobs", status="paused").document
            == {"jobs": []}
        )
        wrong = api.get("jobs", status="foo")
        assert wrong.status == 422
        assert (
            "'foo' is no status of a job; choose from queued, running" in wrong.document["detail"]
        )

    def test_findings_are_listed_shown_and_marked(self, demo: Demo) -> None:
        api, operator = Program(Role.VIEWER), Program(Role.OPERATOR)
        listed = api.get("findings").document
        assert listed["count"] == Finding.objects.listed().counted().count() > 0
        first = listed["findings"][0]
        assert api.get("findings", end="2021-10-01").document["count"] == 0
        assert (
            operator.post(f"findings/{first['finding']}/mark", state="fixed", reason=" ").status
            == 422
        )
        assert (
            operator.post(f"findings/{first['finding']}/mark", state="closed", reason="x").status
            == 422
        )
        marked = operator.post(
            f"findings/{first['finding']}/mark", state="acknowledged", reason="I look at it"
        ).document
        assert (marked["state"], marked["marked_by"]) == ("acknowledged", "a operator")
        events = api.get(f"findings/{first['finding']}").document["events"]
        assert (events[-1]["who"], events[-1]["why"]) == ("a operator", "I look at it")

    def test_preflight_and_validation_say_what_the_shell_says(self, demo: Demo) -> None:
        api = Program(Role.VIEWER)
        found = api.post("preflight", start=str(FAULTY), end=str(FAULTY)).document
        assert (bool(found["warns"]), found["dates"][0]["date"]) == (True, str(FAULTY))
        checked = api.get("validate", start=FAULTY, end=FAULTY).document
        assert (checked["phase"], len(checked["dates"])) == (4, 5)
        verbose = api.get("validate", start=FAULTY, end=FAULTY, phase=3, verbose=True).document
        assert verbose["dates"][0].keys() >= {"rows", "expected", "entities"}
        assert api.get("validate", start=FAULTY, end=FAULTY, phase=5).status == 422

    def test_a_season_is_every_processor_on_every_date(self, demo: Demo) -> None:
        found = Program(Role.VIEWER).get("seasons/2021").document
        assert {code: len(row) for code, row in found["cells"].items()} == dict.fromkeys(
            found["cells"], len(found["days"])
        )
        states = {cell["state"] for row in found["cells"].values() for cell in row}
        assert {"bootstrap", "not run"} <= states

    def test_every_query_runs(self, demo: Demo) -> None:
        api = Program(Role.VIEWER)
        names = [query["name"] for query in api.get("queries").document["queries"]]
        answers = [api.get(f"queries/{name}", start=FAULTY, end=END) for name in names]
        assert ({a.status for a in answers}, any(a.document["rows"] for a in answers)) == (
            {200},
            True,
        )
        assert api.get(f"queries/{names[0]}", start=END, end=START).status == 422

    def test_who_works_is_told(self, demo: Demo) -> None:
        assert Program(Role.VIEWER).get("workers").document["batches_in_flight"] == 0
