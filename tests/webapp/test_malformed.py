"""Malformed requests to every URL of the API and the panel: none is answered with 5xx."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils.datastructures import MultiValueDict
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.webapp import test_every_url
from tests.webapp.demo import FAULTY
from tests.webapp.test_every_url import METHODS, QUERY, ROUTES, TABLE, address
from webapp.api.urls import api
from webapp.middleware.problems import CONTENT_TYPE, ROOT

pytestmark = [pytest.mark.database, pytest.mark.postgres, pytest.mark.django_db]

REQUESTS = 2000
SCHEMA = api.get_openapi_schema(path_prefix=ROOT)
OPERATIONS = [
    (method.upper(), path, operation)
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
]
# It would end the session of the requests after it.
PAGES = sorted(set(ROUTES) - {"logout"})
# A POST without fields would do what other requests need undone.
ENDING = {"token_revoke", "triage_audit"}
# Valid values, of which a request replaces some.
BASE = {
    "start": "2021-11-01",
    "end": "2021-11-03",
    "reason": "test",
    "state": "acknowledged",
    "batches": 1,
}
ADMIN = ["", "webapp/user/", "webapp/user/add/", "webapp/token/", "backfill/launch/"]
PLAUSIBLE = [
    *("1", "2", str(FAULTY), "PSZA", "tdza", "report", "failed", "backfill", "on", "true"),
    *("2021-11-01", "2021-11-03", "complete"),
]
HOSTILE = [
    *(
        "",
        " ",
        ",",
        ";",
        "\0",
        "a\0b",
        "\n",
        "\r\nX: 1",
        ".",
        "..",
        "../..",
        "%00",
        "%0a",
        "%",
        "/",
    ),
    *(
        "-1",
        "0",
        "1e400",
        "NaN",
        "Infinity",
        "1637539200",
        "9" * 19,
        "9" * 40,
        "9" * 5000,
        "½",
        "٣",
    ),
    *(
        "0001-01-01",
        "9999-12-31",
        "2021-02-30",
        "2021-W01-1",
        "20211101",
        "2021-11-01..",
        "..",
        "1..",
    ),
    *(
        "0001-01-01..9999-12-31",
        "2021-11-22T18:00",
        "9999-12-31T23:59-14:00",
        "0001-01-01T00:00+14",
    ),
    *("'", '"', "<b>", "{{ 1 }}", "{", "\\", "%s", "💥", "\u202e", "\ufffe", "é" * 300, "x" * 3000),
    *("\ud800", "null", "[]", "None", "true", "-", "+", "--", "a,b", "1,2", "\x1b[31m", "/" * 50),
]
BODIES = [
    *(b"", b"{", b"[]", b"null", b"1", b"\xff\xfe", b"\0", b'"\\ud800"', b"[" * 100_000),
    *(b'{"a":' * 900, b"9" * 5000, b"NaN", b'{"\\u0000": 1}', b"x" * 2_700_000),
]
TYPES = ["application/json", "application/json; charset=x", "text/plain", "", "multipart/form-data"]
PLACE = re.compile(r"<(?:\w+:)?(\w+)>")  # a part of a route, as `<day:day>`
FORM = "application/x-www-form-urlencoded"

filled = test_every_url.filled

nul = st.sampled_from(["\0", "a\0b"])  # more often than other values: the databases differ
words = st.sampled_from(HOSTILE) | nul | st.sampled_from(PLAUSIBLE) | st.text(max_size=20)
sendable = words.map(lambda text: text.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
numbers = st.sampled_from([0, -1, 1, 2**31, 2**63, 2**64, 10**30, 1637539200, 0.5, 1e308])
values = words | numbers | st.booleans() | st.none() | st.lists(words | numbers, max_size=2)
headers = st.dictionaries(
    st.sampled_from(
        ["Authorization", "X-Request-ID", "HX-Request", "HX-Target", "Cookie", "Referer"]
    ),
    st.sampled_from(
        ["Bearer x", "Bearer \0", "Bearer", "true", "\0", 'a="\\000"', "é", "x" * 5000]
    ),
    max_size=1,
)


class Sent(NamedTuple):
    """One request."""

    method: str
    url: str
    query: dict[str, str]
    body: bytes
    content_type: str
    headers: dict[str, str]


@pytest.fixture
def pages(filled: dict[str, str], admin: Client, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The URL of each page, and the names of the parameters that its view reads."""
    found = {}
    read: set[str] = set()
    item, several = MultiValueDict.__getitem__, MultiValueDict._getlist  # type: ignore[attr-defined]

    def one(self: Any, key: str) -> Any:
        if isinstance(self, QueryDict):
            read.add(key)
        return item(self, key)

    def many(self: Any, key: str, *rest: Any, **named: Any) -> Any:
        if isinstance(self, QueryDict):
            read.add(key)
        return several(self, key, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(MultiValueDict, "__getitem__", one)
        patch.setattr(MultiValueDict, "_getlist", many)
        for name in PAGES:
            read.clear()
            url = address(name, filled)
            admin.get(url, QUERY.get(name))
            if TABLE[name].posted != 405 and name not in ENDING:
                admin.post(url)
            found[name] = url, sorted(read)
    return found


@st.composite
def api_requests(draw: Any, filled: dict[str, str]) -> Sent:
    method, path, operation = draw(st.sampled_from(OPERATIONS))
    parameters = operation.get("parameters", [])
    places = {"number": filled["number"], "name": "failure-counts", "year": "2021"}
    for name in re.findall(r"{(\w+)}", path):
        part = draw(st.just(places[name]) | st.just(places[name]) | sendable)
        path = path.replace(f"{{{name}}}", quote(part, safe=""))
    query = {
        p["name"]: draw(sendable) for p in parameters if p["in"] == "query" and draw(st.booleans())
    }
    if draw(st.integers(0, 9)) == 0:
        return Sent(
            method, path, query, draw(st.sampled_from(BODIES)), draw(st.sampled_from(TYPES)), {}
        )
    names = fields(operation)
    body: dict[str, Any] = {name: BASE[name] for name in names if name in BASE}
    if names and draw(st.integers(0, 9)):
        body |= draw(st.dictionaries(st.sampled_from(names), values, max_size=2))
    method = draw(st.sampled_from([*[method] * 20, *METHODS]))
    return Sent(method, path, query, json.dumps(body).encode(), TYPES[0], draw(headers))


def fields(operation: dict[str, Any]) -> list[str]:
    if "requestBody" not in operation:
        return []
    schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return list(SCHEMA["components"]["schemas"][schema.rpartition("/")[2]]["properties"])


@st.composite
def page_requests(draw: Any, pages: dict[str, Any]) -> Sent:
    name = draw(st.sampled_from(PAGES))
    url, parameters = pages[name]
    route = str(ROUTES[name].pattern)
    if PLACE.search(route) and not draw(st.integers(0, 3)):
        url = PLACE.sub(lambda place: quote(draw(sendable), safe=""), f"/{route}")
    some = st.dictionaries(st.sampled_from(parameters or ["q"]), sendable, min_size=1, max_size=2)
    query = {**QUERY.get(name, {}), **draw(some)}
    form = "&".join(f"{quote(key)}={quote(value)}" for key, value in draw(some).items())
    posts = TABLE[name].posted != 405
    method = draw(st.sampled_from([*["POST" if posts else "GET"] * 10, *["GET"] * 10, *METHODS]))
    return Sent(method, url, query, form.encode(), FORM, draw(headers))


def admin_requests() -> st.SearchStrategy[Sent]:
    return st.builds(
        lambda page, name, value, part: Sent(
            "GET", f"/admin/{page}{quote(part, safe='')}", {name: value}, b"", "", {}
        ),
        st.sampled_from(ADMIN),
        st.sampled_from(["q", "p", "o", "e", "role__exact", "all", "_popup", "x"]),
        sendable,
        st.just("") | sendable.map(lambda part: f"{part}/change/"),
    )


def send(client: Client, sent: Sent) -> Any:
    """Send a request in the session of the client, which a request can end."""
    return client.generic(
        sent.method,
        sent.url,
        sent.body,
        sent.content_type,
        query_params=sent.query,
        headers=sent.headers,
    )


def test_no_malformed_request_is_a_server_error(
    filled: dict[str, str], pages: dict[str, Any], client: Client, admin: Client
) -> None:
    session = admin.cookies["sessionid"].value
    statuses: dict[int, int] = {}
    from_api, from_pages = api_requests(filled), page_requests(pages)
    requests = st.one_of(from_api, from_api, from_pages, from_pages, admin_requests())

    @settings(
        max_examples=REQUESTS,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests)
    def check(sent: Sent) -> None:
        client.cookies.clear()
        if not sent.url.startswith("/login/"):  # logged in, it only redirects
            client.cookies["sessionid"] = session
        answer = send(client, sent)
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        assert answer.status_code < 500 or sent.url == "/readyz", sent  # 503 without Redis
        if answer.status_code >= 400 and sent.url.startswith(ROOT):
            assert answer["Content-Type"] == CONTENT_TYPE, sent

    check()
    assert sum(statuses.values()) >= REQUESTS * 0.9, statuses
    assert {200, 302, 400, 401, 404, 405, 422} <= statuses.keys(), statuses
