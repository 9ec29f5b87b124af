"""HTTP server that keeps what it receives, as a trace collector or a lineage service."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Sink:
    """Bodies by path. `status` answers the next requests; without one, they hang."""

    server: ThreadingHTTPServer
    bodies: dict[str, list[bytes]] = field(default_factory=dict)
    status: int | None = 200
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.bodies.setdefault(request.path, []).append(body)
        if self.status is None:
            self.released.wait()
            return
        request.send_response(self.status)
        request.send_header("Content-Length", "0")
        request.end_headers()


@contextmanager
def receiving(status: int | None = 200) -> Iterator[Sink]:
    """Serve on a free port of this host."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            sink.answer(self)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sink = Sink(server, status=status)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sink
    finally:
        sink.released.set()
        server.shutdown()
        server.server_close()
