"""HTTP proxy in front of the BigQuery emulator that injects faults and records requests.

It also corrects answers that differ from BigQuery's: a job whose name is taken is refused and keeps
its parameters and labels, a query that fails is an error instead of no rows, and a table that a
statement wrote was modified.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server")
JOBS = re.compile(r"/projects/[^/]+/jobs$")
TABLE = re.compile(r"/datasets/([^/]+)/tables/([^/]+)$")
WRITES = re.compile(r"^(?:MERGE|DELETE FROM) ([\w.]+)", re.MULTILINE)
JOB = re.compile(r"/projects/[^/]+/(jobs|queries)/([^/]+?)(/cancel)?$")


@dataclass
class Fault:
    """Fault for the next `times` requests with this `verb` and pattern `said` in path or body.

    `what` is the HTTP status of an immediate error with the reason `reason`, or one of:
    "cut": the request is executed and the answer breaks off in the middle;
    "fail": the job ends with an error;
    "hold": the job runs until it is released or cancelled.
    """

    what: int | str
    said: str = ""
    verb: str = "POST"
    reason: str = "backendError"
    times: int = 1
    met: int = 0

    def meets(self, verb: str, said: str) -> bool:
        """Return true if the fault applies to this request."""
        return self.met < self.times and verb == self.verb and bool(re.search(self.said, said))


class Asked(NamedTuple):
    """Received request."""

    verb: str
    path: str  # including the query string
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """Text that faults match."""
        return f"{self.path} {self.body.decode(errors='replace')}"


class Answer(NamedTuple):
    """Answer to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Proxy:
    """Running proxy with its recorded requests. `target` is HOST:PORT of the emulator."""

    target: str
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[Asked, Answer]] = field(default_factory=list)
    # By name: the description of a job that never reached the emulator, None for the emulator's
    # jobs.
    jobs: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    writes: Counter[str] = field(default_factory=Counter)  # by table
    configurations: dict[str, dict[str, Any]] = field(default_factory=dict)
    held: dict[str, Asked] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, *faults: Fault) -> None:
        """Set these faults in place of all others, and clear the recorded requests."""
        with self.lock:
            self.faults, self.seen = list(faults), []

    def begun(self) -> list[str]:
        """Return the statements of started jobs, including those stopped by a fault."""
        bodies = [
            json.loads(asked.body)
            for asked, answer in self.seen
            if _begins(asked) and answer.status == 200
        ]
        return [
            body["configuration"]["query"]["query"]
            for body in bodies
            if "query" in body["configuration"]
        ]

    def let_go(self) -> None:
        """Complete the held jobs."""
        for name, asked in self.held.items():
            self.forward(asked)
            self.jobs[name] = None
        self.held.clear()

    def answer(self, asked: Asked) -> tuple[Answer, Fault | None]:
        """Return the answer to a request, and the fault to apply to it."""
        with self.lock:
            fault = next((f for f in self.faults if f.meets(asked.verb, asked.text)), None)
            if fault:
                fault.met += 1
        if fault and isinstance(fault.what, int):
            return _refusal(fault.what, fault.reason), None
        if (found := JOB.search(urlsplit(asked.path).path)) and self.jobs.get(found[2]):
            return self._of_own_job(found), None
        if _begins(asked) and (own := self._begin(asked, fault)):
            return own, None
        return self.forward(asked), fault

    def _begin(self, asked: Asked, fault: Fault | None) -> Answer | None:
        """Return the answer to a job that must not reach the emulator; None for other jobs."""
        body = json.loads(asked.body)
        name = body["jobReference"]["jobId"]
        with self.lock:
            if name in self.jobs:
                return _refusal(409, "duplicate")
            self.jobs[name] = None
            self.configurations[name] = body["configuration"]
        if not fault or fault.what == "cut":
            return None
        wrong = {"reason": fault.reason, "message": f"a job that ends with {fault.reason}"}
        status = (
            {"state": "RUNNING"}
            if fault.what == "hold"
            else {"state": "DONE", "errorResult": wrong, "errors": [wrong]}
        )
        times = {"creationTime": str(int(time.time() * 1000))}
        self.jobs[name] = made = {
            **body,
            "kind": "bigquery#job",
            "id": name,
            "status": status,
            "statistics": times,
        }
        if fault.what == "hold":
            self.held[name] = asked
        return _document(made)

    def _of_own_job(self, found: re.Match[str]) -> Answer:
        kind, name, cancel = found.groups()
        job = self.jobs[name]
        assert job
        if cancel:
            self.held.pop(name, None)
            job["status"] = {
                "state": "DONE",
                "errorResult": {"reason": "stopped", "message": "Job execution was cancelled"},
            }
            return _document({"kind": "bigquery#jobCancelResponse", "job": job})
        if kind == "queries":
            return _document(
                {
                    "jobReference": job["jobReference"],
                    "jobComplete": job["status"]["state"] == "DONE",
                }
            )
        return _document(job)

    def forward(self, asked: Asked) -> Answer:
        """Forward a request to the emulator."""
        connection = http.client.HTTPConnection(self.target)
        try:
            connection.request(asked.verb, asked.path, asked.body, dict(asked.headers))
            got = connection.getresponse()
            headers = {
                name: value for name, value in got.getheaders() if name.lower() not in HOP_BY_HOP
            }
            return self._honest(asked, Answer(got.status, headers, got.read()))
        finally:
            connection.close()

    def _honest(self, asked: Asked, answer: Answer) -> Answer:
        """Correct the emulator's answer to BigQuery's."""
        if answer.status != 200:
            return answer
        if _begins(asked):
            query = json.loads(asked.body)["configuration"].get("query", {}).get("query", "")
            self.writes.update(WRITES.findall(query))
        elif (
            b'"bigquery#queryResponse"' in answer.body[:100] and b'"errors"' in answer.body[-2000:]
        ):
            said = json.loads(answer.body)["errors"]
            return _document(
                {"error": {"code": 400, "message": said[0]["message"], "errors": said}}, 400
            )
        elif (
            (found := JOB.search(urlsplit(asked.path).path))
            and found[1] == "jobs"
            and found[2] in self.configurations
        ):
            return _document(
                {**json.loads(answer.body), "configuration": self.configurations[found[2]]}
            )
        elif (found := TABLE.search(urlsplit(asked.path).path)) and (
            n := self.writes[f"{found[1]}.{found[2]}"]
        ):
            told = json.loads(answer.body)
            return _document(
                {
                    **told,
                    "lastModifiedTime": str(int(told["lastModifiedTime"]) + n),
                    "etag": f"{n} {told['etag']}",
                }
            )
        return answer


def _begins(asked: Asked) -> bool:
    return (
        asked.verb == "POST"
        and bool(JOBS.search(urlsplit(asked.path).path))
        and "/upload/" not in asked.path
    )


def _document(content: object, status: int = 200) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(content).encode())


def _refusal(status: int, reason: str) -> Answer:
    """Make an error answer in BigQuery's format."""
    said = {"reason": reason, "message": f"{reason}, says the proxy"}
    return _document(
        {"error": {"code": status, "message": said["message"], "errors": [said]}}, status
    )


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in HOP_BY_HOP
            }
            asked = Asked(self.command, self.path, headers, body)
            answer, fault = proxy.answer(asked)
            with proxy.lock:
                proxy.seen.append((asked, answer))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if fault and fault.what == "cut":
                self.wfile.write(answer.body[: len(answer.body) // 2])
                self.close_connection = True
            else:
                self.wfile.write(answer.body)

        def log_message(self, *args: object) -> None:
            """Log nothing; the recorded requests are enough."""

    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{verb}", Handler.pass_on)
    return Handler


@contextmanager
def proxying(target: str) -> Iterator[Proxy]:
    """Start a proxy without faults in front of the emulator at this URL."""
    proxy = Proxy(urlsplit(target).netloc)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy))
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
