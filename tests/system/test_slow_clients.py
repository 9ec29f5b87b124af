"""The panel answers within a second while slow clients hold connections."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from subprocess import STDOUT, Popen

import pytest

from tests.system.deployment import free_port
from tests.system.installation import ROOT, Installation, environment, until
from tests.system.slow_clients import (
    BODY,
    HEAD,
    Address,
    connected,
    is_closed,
    kinds,
    response_seconds,
    slow_clients,
)
from webapp.ops.buffered_worker import DEADLINES, MAX_BODY_BYTES, Phase
from webapp.setting_schema import COLLECTED

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("slow clients")]

CLIENTS = 200
LIMIT_SECONDS = 1.0
PAGES = ("/healthz", "/login/")
LIMIT_PER_ADDRESS = 60
NEIGHBOR = "127.0.0.2"


@contextmanager
def served(var: Path, **settings: str) -> Iterator[Address]:
    """Run the web process of docker-compose.yml inside the block."""
    address = ("127.0.0.1", int(free_port()))
    given = {"DATA_DIR": str(var), "WEB_ADDRESS": f"{address[0]}:{address[1]}", **settings}
    with (var / "web.log").open("w") as output:
        server = Popen(
            [sys.executable, "-m", "gunicorn", "webapp.wsgi", "-c", "python:webapp.gunicorn_conf"],
            cwd=ROOT,
            env=environment(**given),
            stdout=output,
            stderr=STDOUT,
        )
        try:
            until(lambda: response_seconds(address, "/healthz", 5), "the panel", every=0.2)
            for page in PAGES * 5:  # each process compiles its templates once
                response_seconds(address, page, 10)
            yield address
        finally:
            server.terminate()
            assert server.wait(30) == 0


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation without jobs or users."""
    made = Installation(tmp_path_factory.mktemp("slow") / "var")
    done = made.verb("migrate", "--verbosity", "0")
    assert (done.returncode, done.stderr) == (0, ""), done
    return made.var


@pytest.fixture(scope="module")
def panel(var: Path) -> Iterator[Address]:
    """A panel that accepts all clients of these tests."""
    with served(var, WEB_CONNECTIONS_PER_ADDRESS="0") as address:
        yield address


def assert_prompt(panel: Address, times: int = 5) -> None:
    """Assert that every page arrives within the limit, several times, after the requests that
    were sent before.
    """
    assert response_seconds(panel, "/healthz", 20)
    seconds = [response_seconds(panel, page, LIMIT_SECONDS) for page in PAGES * times]
    assert None not in seconds, seconds


def read_response(client: socket.socket, count: int = 1) -> bytes:
    """Return responses of /healthz."""
    received = b""
    while received.count(b'{"status": "ok"}') < count:
        received += client.recv(1000)
    return received


def exchanges() -> dict[str, bytes]:
    """Return slow exchanges with the panel; readers read its largest file."""
    (file,) = (COLLECTED / "static" / "vendor").glob("plotly-basic.min.*.js")
    return kinds(f"/static/vendor/{file.name}")


@pytest.mark.parametrize("kind", kinds(""))
def test_slow_clients_do_not_delay_others(panel: Address, kind: str) -> None:
    with slow_clients(panel, CLIENTS, exchanges()[kind]) as clients:
        assert len(clients) == CLIENTS
        assert_prompt(panel)


def test_all_kinds_of_slow_clients_together_do_not_delay_others(panel: Address) -> None:
    with ExitStack() as stack:
        for kind in exchanges().values():
            stack.enter_context(slow_clients(panel, CLIENTS // 2, kind))
        assert_prompt(panel)


def test_half_sent_headers_are_closed_after_their_deadline(panel: Address) -> None:
    with slow_clients(panel, 2, HEAD) as clients:
        began = time.monotonic()
        for _ in range(int(DEADLINES[Phase.HEADERS]) - 2):
            clients[0].sendall(b"x")  # trickling does not extend the deadline
            time.sleep(1)
        assert not any(map(is_closed, clients))
        until(lambda: all(map(is_closed, clients)), "the deadline", every=0.2)
        assert time.monotonic() - began < DEADLINES[Phase.HEADERS] + 5


def test_a_request_in_pieces_is_answered(panel: Address) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with closing(connected(panel)) as client:
        for byte in request:
            client.sendall(bytes([byte]))
        assert read_response(client).startswith(b"HTTP/1.1 200")
        client.sendall(request + request)  # on the same connection
        assert read_response(client, 2).count(b"HTTP/1.1 200") == 2


def test_a_body_above_the_limit_is_refused(panel: Address) -> None:
    with closing(connected(panel)) as client:
        head = f"POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n"
        client.sendall(head.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("cookie", "megabytes", "status"),
    [("", 12, 413), ("sessionid=x", 12, 403), ("sessionid=x", 250, 413)],
    ids=["without a session", "with a session", "above UPLOAD_MAX_MB"],
)
def test_an_upload_can_be_larger_than_other_bodies(
    panel: Address, cookie: str, megabytes: int, status: int
) -> None:
    """Django then refuses the form: it has no token."""
    part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\n'
    size = megabytes * 2**20
    with closing(HTTPConnection(*panel, timeout=20)) as connection:
        connection.putrequest("POST", "/load/upload/", skip_host=True)
        headers = {"Host": "127.0.0.1", "Cookie": cookie, "Content-Length": str(size)}
        for name, value in (headers | {"Content-Type": "multipart/form-data; boundary=b"}).items():
            connection.putheader(name, value)
        connection.endheaders()
        if status != 413:
            connection.send((part + b"x" * size)[: size - 9] + b"\r\n--b--\r\n")
        response = connection.getresponse()
        text = response.read().decode()
    assert response.status == status, text
    if cookie and status == 413:
        assert "the upload is larger than 200 MB (UPLOAD_MAX_MB)" in text


def test_a_head_request_has_no_body(panel: Address) -> None:
    with closing(HTTPConnection(*panel, timeout=5)) as connection:
        for _ in range(2):
            connection.request("HEAD", "/login/", headers={"Host": "127.0.0.1"})
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b"")


def test_a_forged_line_does_not_reach_the_log(panel: Address, var: Path) -> None:
    with closing(connected(panel)) as client:
        client.sendall(b"GET /nosuch%0a2026-01-01%1b[2J HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 404")
    log = var / "web.log"
    until(lambda: r"/nosuch\n2026-01-01\x1b[2J" in log.read_text(), "the log line")


class TestLimitPerAddress:
    @pytest.fixture(scope="class")
    def limited(self, var: Path) -> Iterator[Address]:
        settings = {"WEB_CONNECTIONS_PER_ADDRESS": str(LIMIT_PER_ADDRESS), "WEB_PROCESSES": "1"}
        with served(var, **settings) as address:
            yield address

    def test_the_oldest_connections_are_closed_and_new_ones_are_answered(
        self, limited: Address
    ) -> None:
        with slow_clients(limited, CLIENTS, BODY) as clients:
            assert_prompt(limited)  # from the same address
            is_open = [not is_closed(client) for client in clients]
            assert 0 < sum(is_open) <= LIMIT_PER_ADDRESS
            assert not is_open[0]

    def test_another_address_keeps_its_connections(self, limited: Address) -> None:
        with (
            slow_clients(limited, 10, BODY, NEIGHBOR) as neighbors,
            slow_clients(limited, CLIENTS, BODY),
        ):
            assert_prompt(limited)
            assert not any(map(is_closed, neighbors))

    def test_behind_a_proxy_its_connections_are_not_limited(self, var: Path) -> None:
        settings = {"WEB_CONNECTIONS_PER_ADDRESS": "5", "BEHIND_PROXY": "true"}
        with served(var, **settings) as panel, slow_clients(panel, 50, BODY) as clients:
            assert_prompt(panel, times=1)
            assert len(clients) == 50
            assert not any(map(is_closed, clients))
