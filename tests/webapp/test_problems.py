"""Malformed requests, one by one: the status, and problem details for every error of the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils.timezone import now

from backfill.models import Job, Launch
from tests.webapp.calls import Program
from tests.webapp.demo import Demo
from webapp.api import urls
from webapp.middleware.problems import CONTENT_TYPE, INTERNAL
from webapp.models import Role, User

pytestmark = [pytest.mark.database, pytest.mark.postgres, pytest.mark.django_db]

NOVEMBER = {"start": "2021-11-01", "end": "2021-11-03", "force": True, "reason": "test"}


def send(path: str = "jobs", body: object = b"{}", role: str = Role.OPERATOR, **more: Any) -> Any:
    """Send a request with a token, without raising the exceptions of views."""
    kind = {"content_type": "application/json", "method": "POST", **more}
    return Client(raise_request_exception=False).generic(
        kind["method"],
        f"/api/{path}",
        body if isinstance(body, bytes) else json.dumps(body),
        kind["content_type"],
        headers=Program(role).headers if role else {},
    )


ERRORS: dict[int, Callable[[], Any]] = {
    400: lambda: send(body=b"{"),
    401: lambda: send(role=""),
    403: lambda: send(role=Role.VIEWER),
    404: lambda: send("nothing", method="GET"),
    405: lambda: send("workers", method="PUT"),
    413: lambda: send(body=b'"' + b"x" * 2_700_000 + b'"'),
    415: lambda: send(content_type="text/plain"),
    422: lambda: send(body={}),
}


@pytest.mark.parametrize("status", ERRORS)
def test_each_error_of_the_api_is_problem_details(status: int) -> None:
    answer = ERRORS[status]()
    document = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (status, CONTENT_TYPE)
    assert (document["type"], document["status"]) == ("about:blank", status)
    assert {"title", "detail"} < document.keys()
    assert document["detail"]


def test_an_unexpected_exception_is_problem_details_without_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(request: object) -> None:
        raise DatabaseError("secret")

    broken.login_required = False  # type: ignore[attr-defined]
    [pattern] = [one for one in urls.urlpatterns if getattr(one, "name", "") == "openapi"]
    monkeypatch.setattr(pattern, "callback", broken)
    answer = send("openapi.json", method="GET")
    assert (answer.status_code, answer["Content-Type"]) == (500, CONTENT_TYPE)
    assert answer.json()["detail"] == INTERNAL


def test_a_page_is_no_problem_details(viewer: Client) -> None:
    assert viewer.get("/nothing/")["Content-Type"].startswith("text/html")


class TestDates:
    def test_a_time_without_an_offset_is_utc(self, demo: Demo) -> None:
        year = now().year + 1
        answer = send(body={**NOVEMBER, "start_at": f"{year}-01-02T03:04:00"})
        assert answer.status_code == 202, answer.content
        assert f"{Launch.objects.get().start_at:%m-%d %H:%M %Z}" == "01-02 03:04 UTC"

    @pytest.mark.parametrize("at", [1637539200, "1637539200", "9999-12-31T23:59-14:00", "noon"])
    def test_no_other_value_is_a_time(self, demo: Demo, at: object) -> None:
        answer = send(body={**NOVEMBER, "start_at": at})
        assert (answer.status_code, "start_at: " in answer.json()["detail"]) == (422, True)

    @pytest.mark.parametrize("start", [1637539200, "1637539200", True, "20211122"])
    def test_a_number_is_no_date(self, demo: Demo, start: object) -> None:
        answer = send(body={**NOVEMBER, "start": start})
        assert (answer.status_code, answer.json()["detail"].startswith("start: write")) == (
            422,
            True,
        )
        assert send(f"findings?start={start}", method="GET").status_code == 422

    @pytest.mark.parametrize("dates", [",", " ; "])
    def test_separators_alone_are_no_dates(self, demo: Demo, dates: str) -> None:
        answer = send(body={"dates": dates})
        assert (answer.status_code, "no dates given" in answer.json()["detail"]) == (422, True)


class TestCharacters:
    @pytest.mark.parametrize("text", ["a\0b", "\ud800"])
    def test_json_with_text_that_cannot_be_stored_is_refused(self, demo: Demo, text: str) -> None:
        for body in ({**NOVEMBER, "reason": text}, {text: 1}, {"processors": [text]}):
            answer = send(body=body)
            assert (answer.status_code, "character" in answer.json()["detail"]) == (400, True)
        assert Job.objects.count() == 1

    def test_nul_is_refused_in_every_part_of_a_request(self, demo: Demo, operator: Client) -> None:
        for answer in (
            operator.get("/runs/", {"q": "\0"}),
            operator.get("/players/2021/a%00b/"),
            operator.get("/runs/", headers={"HX-Target": "\0"}),
            operator.post("/jobs/1/pause/", {"reason": "a\0b"}),
            Client().post("/login/", {"username": "otto\0", "password": "x"}),
            Client().get("/api/jobs", {"status": "\0"}, headers=Program(Role.VIEWER).headers),
        ):
            assert answer.status_code == 400, answer.request
        assert not any("\0" in user.username for user in User.objects.all())

    def test_a_cookie_with_nul_counts_as_absent(self, viewer: Client) -> None:
        viewer.cookies["sessionid"] = "abcdefgh\0"
        assert viewer.get("/").status_code == 302


def test_a_season_of_5000_digits_is_not_found(viewer: Client, demo: Demo) -> None:
    assert viewer.get(f"/players/{'9' * 5000}/lebron/").status_code == 404
    assert viewer.get(f"/runs/?season={'9' * 5000}").status_code == 422


def test_head_is_answered_like_get_without_a_body(demo: Demo) -> None:
    for path in ("jobs", "workers", "jobs/999999", "openapi.json"):
        read, head = (send(path, b"", method=method) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (read.status_code, b""), path
