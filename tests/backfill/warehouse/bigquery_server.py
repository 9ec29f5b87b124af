"""Stand-in for BigQuery's REST API, which google-cloud-bigquery connects to over HTTP.

It follows the documented rules that the emulator does not: jobs run in the location of their
datasets and are found only there, a job can stay RUNNING until jobs.cancel, a dry run reports its
bytes, and every request or job can end with a documented error. A job runs no SQL: its statement
is recorded when it ends without an error.

https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from backfill.warehouse import open_warehouse
from backfill.warehouse.bigquery.jobs import Jobs
from backfill.warehouse.bigquery.session import BigQueryWarehouse
from backfill.warehouse.port import Warehouse, Work

PROJECT = "backcourt-test"
DATASETS = (
    "nba_analytics",
    "nba_precompute",
    "nba_predictions",
    "nba_processing",
    "nba_reference",
    "backcourt_scratch",
    "backcourt_versions",
)
URL, TOKYO = f"bigquery://{PROJECT}", "asia-northeast1"
MERGE = "MERGE nba_precompute.team_defense_zone_analysis AS t USING x ON FALSE"
# jobs.get and jobs.cancel find a job without its location only there.
MULTI_REGIONS = ("US", "EU")
# Long polls of jobs.getQueryResults end after this without a result.
POLL_SECONDS = 0.2
# https://cloud.google.com/bigquery/docs/labels-intro#requirements
LABEL_KEY, LABEL_VALUE = re.compile(r"[a-z][a-z0-9_-]{0,62}"), re.compile(r"[a-z0-9_-]{0,63}")
Json = dict[str, Any]
SCALARS: dict[str, Callable[[str], Any]] = {
    "STRING": str,
    "DATE": date.fromisoformat,
    "INT64": int,
    "FLOAT64": float,
    "BOOL": lambda text: text == "true",
    "TIMESTAMP": datetime.fromisoformat,
}
# Most specific first: a bool is an int, a datetime is a date.
TYPES: tuple[tuple[type, str], ...] = (
    (bool, "BOOLEAN"),
    (int, "INTEGER"),
    (float, "FLOAT"),
    (Decimal, "NUMERIC"),
    (datetime, "TIMESTAMP"),
    (date, "DATE"),
    (str, "STRING"),
)


class Answer(NamedTuple):
    """HTTP status and document; `is_lost` closes the connection instead."""

    status: int
    document: Json
    is_lost: bool = False


@dataclass
class Failure:
    """Documented error of every job: of its request with an HTTP status, or of the job itself
    without one.
    """

    reason: str
    message: str
    status: int = 0

    @property
    def proto(self) -> Json:
        return {"domain": "global", "reason": self.reason, "message": self.message}

    @property
    def answer(self) -> Answer:
        error = {"code": self.status, "message": self.message, "errors": [self.proto]}
        return Answer(self.status, {"error": error})


@dataclass
class StandIn:
    """Running server: its datasets by location, its jobs by name, and what it was asked."""

    url: str = ""
    datasets: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, Json] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    hold: str = ""  # jobs whose statement matches stay RUNNING
    lose: int = 0  # responses to jobs.insert that never arrive
    bytes_processed: int = 0  # of every dry run
    rows: Callable[[Json], tuple[list[Json], list[list[Any]]]] | None = None
    sizes: dict[str, str] = field(default_factory=dict)  # numRows and numBytes of every table
    lock: threading.Condition = field(default_factory=threading.Condition)

    def reset(self, location: str) -> None:
        """Forget everything; create every dataset in this location."""
        with self.lock:
            self.datasets = dict.fromkeys(DATASETS, location)
            self.hold, self.lose, self.bytes_processed, self.rows = "", 0, 0, None
            self.sizes = {"numRows": "0"}
            for list_ in (self.jobs, self.requests, self.executed, self.failures):
                list_.clear()

    def running(self) -> list[str]:
        return [name for name, job in self.jobs.items() if job["status"]["state"] == "RUNNING"]

    def release(self) -> None:
        """End the jobs that are still RUNNING, so that a failed test does not wait for them."""
        with self.lock:
            for name in self.running():
                self._end(self.jobs[name])

    def verbs(self, pattern: str) -> list[tuple[str, str]]:
        """Return method and location of the requests whose path matches."""
        return [
            (verb, query.get("location", ""))
            for verb, path, query in self.requests
            if re.search(pattern, path)
        ]

    def answer(self, verb: str, path: str, query: dict[str, str], body: Json) -> Answer:
        """Return the answer to one request."""
        with self.lock:
            self.requests.append((verb, path, query or _reference(body)))
            for method, pattern, handler in ROUTES:
                if verb == method and (found := re.search(pattern, path)):
                    return handler(self, found, query, body)
        return Failure("notFound", f"Not found: URL {path}", 404).answer

    def _dataset(self, found: re.Match[str], query: dict[str, str], body: Json) -> Answer:
        name = found[1]
        if name not in self.datasets:
            return Failure("notFound", f"Not found: Dataset {PROJECT}:{name}", 404).answer
        reference = {"projectId": PROJECT, "datasetId": name}
        return Answer(200, {"datasetReference": reference, "location": self.datasets[name]})

    def _table(self, found: re.Match[str], query: dict[str, str], body: Json) -> Answer:
        reference = {"projectId": PROJECT, "datasetId": found[1], "tableId": found[2]}
        times = {"creationTime": "0", "lastModifiedTime": str(len(self.executed)), "etag": "e"}
        return Answer(200, {"tableReference": reference, **self.sizes, **times})

    def _insert(self, found: re.Match[str], query: dict[str, str], body: Json) -> Answer:
        """Start a job where its datasets are; a location that says otherwise finds none of them."""
        reference, configuration = body["jobReference"], body["configuration"]
        name, sql = reference["jobId"], configuration["query"]["query"]
        location = reference.get("location") or self._location_of(sql)
        if failure := next((f for f in self.failures if f.status), None):
            return failure.answer
        for key, value in configuration.get("labels", {}).items():
            if not LABEL_KEY.fullmatch(key) or not LABEL_VALUE.fullmatch(value):
                return Failure(
                    "invalid", f"Label {key}:{value} has invalid characters.", 400
                ).answer
        if name in self.jobs:
            return Failure("duplicate", f"Already Exists: Job {PROJECT}:{name}", 409).answer
        for dataset in _datasets_of(sql):
            if self.datasets.get(dataset) != location:
                message = (
                    f"Not found: Dataset {PROJECT}:{dataset} was not found in location {location}"
                )
                return Failure("notFound", message, 404).answer
        job = self._job(name, location, configuration)
        if configuration.get("dryRun"):
            return Answer(200, self._dry_run(job))
        self.jobs[name] = job
        if not self.hold or not re.search(self.hold, sql):
            self._end(job)
        if self.lose:
            self.lose -= 1
            return Answer(0, {}, is_lost=True)
        return Answer(200, job)

    def _job(self, name: str, location: str, configuration: Json) -> Json:
        return {
            "kind": "bigquery#job",
            "id": f"{PROJECT}:{location}.{name}",
            "jobReference": {"projectId": PROJECT, "jobId": name, "location": location},
            "configuration": {"jobType": "QUERY", **configuration},
            "status": {"state": "RUNNING"},
            "statistics": {"creationTime": str(int(time.time() * 1000))},
        }

    def _dry_run(self, job: Json) -> Json:
        """Return a job that has ended, has no ID, and reports what it would read."""
        sql = job["configuration"]["query"]["query"]
        tables = [
            {"projectId": PROJECT, "datasetId": d, "tableId": t}
            for d, t in sorted(set(re.findall(rf"\b({'|'.join(DATASETS)})\.(\w+)", sql)))
        ]
        size = str(self.bytes_processed)
        return {
            **job,
            "jobReference": {k: v for k, v in job["jobReference"].items() if k != "jobId"},
            "status": {"state": "DONE"},
            "statistics": {
                **job["statistics"],
                "totalBytesProcessed": size,
                "query": {
                    "totalBytesProcessed": size,
                    "totalBytesBilled": "0",
                    "cacheHit": False,
                    "statementType": "SELECT",
                    "referencedTables": tables,
                },
            },
        }

    def _end(self, job: Json, error: Json | None = None) -> None:
        failure = next((f for f in self.failures if not f.status), None)
        if error is None and failure:
            error = failure.proto
        job["status"] = {"state": "DONE"}
        if error:
            job["status"] |= {"errorResult": error, "errors": [error]}
        else:
            self.executed.append(job["configuration"]["query"]["query"])
        self.lock.notify_all()

    def _found(self, name: str, query: dict[str, str]) -> Json | None:
        job = self.jobs.get(name)
        there = job["jobReference"]["location"] if job else ""
        asked = query.get("location")
        return job if asked == there or (not asked and there in MULTI_REGIONS) else None

    def _get(self, found: re.Match[str], query: dict[str, str], body: Json) -> Answer:
        job = self._found(found[1], query)
        return Answer(200, job) if job else _no_job(found[1])

    def _cancel(self, found: re.Match[str], query: dict[str, str], body: Json) -> Answer:
        """Answer before the job has ended, as documented; it ends with the next request."""
        if not (job := self._found(found[1], query)):
            return _no_job(found[1])
        answer = Answer(
            200, {"kind": "bigquery#jobCancelResponse", "job": json.loads(json.dumps(job))}
        )
        if job["status"]["state"] != "DONE":
            message = "Job execution was cancelled: User requested cancellation"
            self._end(job, {"reason": "stopped", "message": message})
        return answer

    def _results(self, found: re.Match[str], query: dict[str, str], body: Json) -> Answer:
        if not (job := self._found(found[1], query)):
            return _no_job(found[1])
        self.lock.wait_for(lambda: job["status"]["state"] == "DONE", POLL_SECONDS)
        is_done = job["status"]["state"] == "DONE"
        if is_done and (error := job["status"].get("errorResult")):
            return Failure(error["reason"], error["message"], 400).answer
        document = {"jobReference": job["jobReference"], "jobComplete": is_done}
        return Answer(
            200, {**document, **({"totalRows": "0", "schema": {"fields": []}} if is_done else {})}
        )

    def _query(self, found: re.Match[str], query: dict[str, str], body: Json) -> Answer:
        if failure := next(iter(self.failures), None):
            return failure.answer
        location = body.get("location") or self._location_of(body["query"])
        fields, rows = self.rows(body) if self.rows else ([], [])
        return Answer(
            200,
            {
                "kind": "bigquery#queryResponse",
                "jobReference": {"projectId": PROJECT, "jobId": "query", "location": location},
                "jobComplete": True,
                "schema": {"fields": fields},
                "totalRows": str(len(rows)),
                "rows": [{"f": [{"v": value} for value in row]} for row in rows],
            },
        )

    def _location_of(self, sql: str) -> str:
        return next((self.datasets[d] for d in _datasets_of(sql) if d in self.datasets), "US")


def session(url: str = URL, patience: float = 1.0, **work: Any) -> BigQueryWarehouse:
    """Open a separate session, as another process would, on behalf of some work."""
    made = open_warehouse(url)
    assert isinstance(made, BigQueryWarehouse)
    made.jobs = Jobs(made.client, labels={}, patience=patience)  # type: ignore[misc]
    made.jobs.work = Work(**work)
    return made


def rows_of(warehouse: Warehouse) -> Callable[[Json], tuple[list[Json], list[list[Any]]]]:
    """Return a function that answers a SELECT from an embedded warehouse, as jobs.query does."""

    def answer(body: Json) -> tuple[list[Json], list[list[Any]]]:
        params = {p["name"]: _value(p) for p in body.get("queryParameters", ())}
        found = warehouse.query(body["query"], params)
        names = list(found[0]) if found else []
        fields = [_field(name, [row[name] for row in found]) for name in names]
        return fields, [[_sent(row[name]) for name in names] for row in found]

    return answer


def _value(parameter: Json) -> Any:
    kind, value = parameter["parameterType"], parameter["parameterValue"]
    if kind["type"] == "ARRAY":
        element = SCALARS[kind["arrayType"]["type"]]
        return [element(v["value"]) for v in value["arrayValues"]]
    return SCALARS[kind["type"]](value["value"])


def _field(name: str, values: list[Any]) -> Json:
    value = next((v for v in values if v is not None), "")
    is_array = isinstance(value, list)
    example = next(iter(value), "") if is_array else value
    kind = next(kind for type_, kind in TYPES if isinstance(example, type_))
    return {"name": name, "type": kind, "mode": "REPEATED" if is_array else "NULLABLE"}


def _sent(value: Any) -> Any:
    """Return a value as the REST API sends it: as text, a time in microseconds since 1970."""
    if isinstance(value, list):
        return [{"v": _sent(v)} for v in value]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return str(int(value.replace(tzinfo=UTC).timestamp() * 1_000_000))
    return None if value is None else str(value)


def _reference(body: Json) -> dict[str, str]:
    reference = body.get("jobReference") or body
    return {"location": str(reference.get("location", ""))}


def _datasets_of(sql: str) -> list[str]:
    return re.findall(rf"\b({'|'.join(DATASETS)})\.\w+", sql)


def _no_job(name: str) -> Answer:
    return Failure("notFound", f"Not found: Job {PROJECT}:{name}", 404).answer


ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("POST", r"/jobs/([^/]+)/cancel$", StandIn._cancel),
    ("GET", r"/jobs/([^/]+)$", StandIn._get),
    ("GET", r"/queries/([^/]+)$", StandIn._results),
    ("POST", r"/queries$", StandIn._query),
    ("POST", r"/jobs$", StandIn._insert),
    ("GET", r"/datasets/([^/]+)/tables/([^/]+)$", StandIn._table),
    ("GET", r"/datasets/([^/]+)$", StandIn._dataset),
)


def _handler(server: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            query = {k: v for k, v in query.items() if k == "location"}
            answer = server.answer(
                self.command, parts.path, query, json.loads(content) if content else {}
            )
            if answer.is_lost:
                self.close_connection = True
                return
            body = json.dumps(answer.document).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Log nothing; the recorded requests are enough."""

    for verb in ("GET", "POST"):
        setattr(Handler, f"do_{verb}", Handler.respond)
    return Handler


@contextmanager
def standing_in() -> Iterator[StandIn]:
    """Start a server without datasets."""
    made = StandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
