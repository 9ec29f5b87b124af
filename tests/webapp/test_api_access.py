"""API permissions: every operation with every role, and its error answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from backfill.plan.option_fields import spec_of
from backfill.plan.options import FIELDS
from backfill.warehouse.parquet.staging import PART
from backfill.warehouse.tables import FAILURES
from tests.webapp.calls import Program
from tests.webapp.demo import FAULTY, Demo
from webapp.api.urls import ROOT, api
from webapp.models import Role, Token, User

pytestmark = [pytest.mark.database, pytest.mark.django_db]

ADMIN_ONLY = {"limit", "cap"}
READ_BY_POST = {
    *("jobs/preview", "jobs/{number}/retry/preview", "jobs/{number}/undo/preview", "preflight"),
}
OPERATIONS = sorted(
    (method.upper(), path.removeprefix(ROOT))
    for path, methods in api.get_openapi_schema(path_prefix=ROOT)["paths"].items()
    for method in methods
)
NOT_THERE = 4_000_000_000


def called(program: Program, method: str, path: str) -> Any:
    """Call an operation on a missing object, so that no call has an effect."""
    where = path.format(number=NOT_THERE, name="nothing", year=1900)
    if method == "GET":
        return program.get(where, start="2021-11-02", end="2021-11-01")
    return program.post(where, batches=0, state="nothing", start="2021-11-02", end="2021-11-01")


def allowed(method: str, path: str, role: str) -> bool:
    if method == "GET" or path in READ_BY_POST:
        return True
    return role == Role.ADMIN or (role == Role.OPERATOR and path not in ADMIN_ONLY)


def test_there_are_all_the_verbs() -> None:
    found = {path for _, path in OPERATIONS}
    assert {
        "jobs",
        "jobs/preview",
        "jobs/{number}",
        "jobs/{number}/progress",
        "jobs/{number}/events",
        "jobs/{number}/report",
        "jobs/{number}/pause",
        "jobs/{number}/resume",
        "jobs/{number}/cancel",
        "jobs/{number}/limit",
        "limit",
        "jobs/{number}/cap",
        "cap",
        "jobs/{number}/retry/preview",
        "jobs/{number}/retry",
        "findings",
        "findings/{number}",
        "findings/{number}/mark",
        "preflight",
        "validate",
        "seasons/{year}",
        "queries",
        "queries/{name}",
        "workers",
        "launches",
        "loads",
        "loads/preview",
    } <= found


def test_a_path_of_the_previous_release_is_deprecated_and_names_the_new_one() -> None:
    paths = api.get_openapi_schema(path_prefix=ROOT)["paths"]
    old = {path: m["post"] for path, m in paths.items() if m.get("post", {}).get("deprecated")}
    assert {path: one["description"] for path, one in old.items()} == {
        f"{ROOT}jobs/{{number}}/cap": "Use `/jobs/{number}/limit`.",
        f"{ROOT}cap": "Use `/limit`.",
    }


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_asks_who_calls_and_what_his_part_is(
    demo: Demo, method: str, path: str
) -> None:
    assert called(Program(), method, path).status == 401
    for role in Role.values:
        answer = called(Program(role), method, path)
        if allowed(method, path, role):
            assert answer.status in (200, 404, 422), (role, answer)
        else:
            assert (answer.status, answer.detail.startswith("only ")) == (403, True), (
                role,
                answer,
            )
        assert answer.status == 200 or "\n" not in answer.detail


class TestTokens:
    def test_a_wrong_key_is_nobodys(self) -> None:
        program = Program(Role.VIEWER)
        program.headers["Authorization"] += "x"
        answer = program.get("jobs")
        assert (answer.status, answer.detail) == (
            401,
            "log in, or send a token as `Authorization: Bearer TOKEN`",
        )

    def test_a_revoked_key_is_worth_nothing(self) -> None:
        program = Program(Role.ADMIN)
        Token.objects.all().delete()
        assert program.get("jobs").status == 401

    def test_the_key_of_somebody_who_is_locked_out_is_worth_nothing(self) -> None:
        program = Program(Role.ADMIN)
        User.objects.update(is_active=False)
        assert program.get("jobs").status == 401

    def test_a_key_makes_no_session_and_its_use_is_noted(self) -> None:
        program = Program(Role.VIEWER)
        response = Client().get("/api/jobs", headers=program.headers)
        assert (response.status_code, response.cookies) == (200, {})
        assert Token.objects.filter(used_at__lte=now()).count() == 1

    def test_only_the_digest_of_a_key_is_kept(self) -> None:
        key = Program(Role.VIEWER).headers["Authorization"].partition(" ")[2]
        assert key not in str(list(Token.objects.values()))


class TestSessions:
    def post(self, client: Client, **headers: str) -> Any:
        return client.post(
            f"/api/jobs/{NOT_THERE}/pause", "{}", "application/json", headers=headers
        )

    def test_who_is_logged_in_may_call_too(self, viewer: Client) -> None:
        assert viewer.get("/api/jobs").status_code == 200

    def test_what_changes_anything_needs_the_pages_own_token(self, operator: Client) -> None:
        operator.handler.enforce_csrf_checks = True
        answer = self.post(operator)
        assert (answer.status_code, json.loads(answer.content)["detail"].startswith("CSRF: ")) == (
            403,
            True,
        )
        operator.get("/api/docs")  # sets a CSRF cookie
        assert (
            self.post(operator, **{"X-CSRFToken": operator.cookies["csrftoken"].value}).status_code
            == 404
        )

    def test_nobody_without_a_login_is_asked_for_one(self) -> None:
        assert self.post(Client(enforce_csrf_checks=True)).status_code == 401

    def test_a_role_holds_there_too(self, viewer: Client) -> None:
        assert self.post(viewer).status_code == 403


class TestAnswers:
    def test_what_is_not_there_is_404_in_json(self, demo: Demo) -> None:
        viewer = Program(Role.VIEWER)
        assert viewer.get("jobs/999").detail == "job 999 does not exist"
        assert viewer.get("findings/999").detail == "finding 999 does not exist"
        assert (
            viewer.get("nothing").detail
            == "/api/nothing does not exist; /api/docs lists the operations"
        )
        assert [viewer.get(path).status for path in ("jobs/999", "nothing", "seasons/1999")] == [
            404
        ] * 3
        assert viewer.get("queries/nothing", start="2021-11-01", end="2021-11-01").status == 404

    def test_what_cannot_be_meant_is_422_and_names_the_field(self, demo: Demo) -> None:
        operator = Program(Role.OPERATOR)
        for sent, said in (
            ({"start": "yesterday", "end": "2021-11-01"}, "start: "),
            (
                {"start": "2021-11-02", "end": "2021-11-01"},
                "the last date 2021-11-01 is before the first date 2021-11-02; swap them",
            ),
            (
                {"start": "2021-11-02", "end": "2021-11-03", "fast": True},
                "fast: Extra inputs are not permitted",
            ),
            ({"start": "2021-11-02", "end": "2021-11-03", "processors": ["XYZ"]}, "'XYZ'"),
            ({"end": "2021-11-03"}, "send start and end, or dates"),
            ({"dates": "2021-13-01"}, "2021-13-01"),
            (
                {"start": "2021-11-02", "end": "2021-11-03", "reason": 2001 * "x"},
                "reason: String should have at most 2000",
            ),
        ):
            answer = operator.post("jobs", **sent)
            assert (answer.status, said in answer.detail) == (422, True), answer
        assert (
            operator.post(f"findings/{NOT_THERE}/mark", reason="x").detail
            == "state: Field required"
        )

    def test_what_is_no_json_is_refused(self) -> None:
        program = Program(Role.OPERATOR)
        answer = Client().post("/api/jobs", "{", "application/json", headers=program.headers)
        assert (answer.status_code, answer["Content-Type"]) == (
            400,
            "application/problem+json",
        )

    def test_a_warehouse_that_cannot_be_read_is_503(
        self, demo: Demo, settings: Any, tmp_path: Path
    ) -> None:
        shutil.copytree(demo.folder / "warehouse", tmp_path / "broken")
        settings.WAREHOUSE_URL = f"parquet:{tmp_path}/broken"
        for part in (tmp_path / "broken").glob(f"*/{FAILURES.name}/*={FAULTY}/*/{PART}"):
            part.write_bytes(b"no Parquet file")
        answer = Program(Role.VIEWER).get(
            "queries/failure-breakdown", start=str(FAULTY), end=str(FAULTY)
        )
        assert (answer.status, FAILURES.name in answer.detail, "\n" in answer.detail) == (
            503,
            True,
            False,
        ), answer

    def test_a_warehouse_in_which_nothing_is_loaded_is_422(self, db: None) -> None:
        assert (
            Program(Role.VIEWER).get("validate", start="2021-11-01", end="2021-11-01").status == 422
        )

    def test_another_method_is_405_and_says_which_one_it_takes(self, db: None) -> None:
        program = Program(Role.VIEWER)
        answer = Client().delete("/api/jobs/1/events", headers=program.headers)
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
        assert answer.json()["detail"] == "/api/jobs/1/events accepts GET, HEAD, not DELETE"


class TestDocs:
    def test_the_schema_is_for_users(self, viewer: Client) -> None:
        assert Client().get("/api/openapi.json").status_code == 401
        found = viewer.get("/api/openapi.json").json()
        assert found["info"]["title"] == "Backcourt"
        assert {"TokenAuth", "SessionAuth"} == set(found["components"]["securitySchemes"])
        options = found["components"]["schemas"]["Options"]["properties"]
        assert {
            "start",
            "end",
            "dates",
            "exclude",
            "processors",
            "mode",
            "force",
            "brake",
            "canary",
        } <= options.keys()
        for name, option in FIELDS.items():
            spec, shown = spec_of(option), options[name]
            assert shown["description"] == spec.description
            assert shown.get("maximum") == spec.most
            assert shown.get("enum", []) == list(spec.choices)
        with_key = Client().get("/api/openapi.json", headers=Program(Role.VIEWER).headers)
        assert with_key.json() == found

    def test_the_page_lists_every_operation_without_a_script_of_its_own(
        self, viewer: Client
    ) -> None:
        assert Client().get("/api/docs").status_code == 302
        assert viewer.get("/api/")["Location"] == "/api/docs"
        page = viewer.get("/api/docs")
        text = page.content.decode()
        assert [op for op in OPERATIONS if f"{op[0]} {ROOT}{op[1]}" not in text] == []
        assert "<style" not in text
        assert [
            part
            for part in text.split("<script")[1:]
            if not part.startswith((" src=", ' id="keys-table" type="application/json"'))
        ] == []
