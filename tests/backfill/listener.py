"""Local web server that receives Apprise's json:// notifications and fails on request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Listener:
    """Notification server.

    `heard` has path, title and body of each message; `status` is the answer per path.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str]] = []
        self.status: dict[str, int] = {}
        self.port = 0

    def url(self, path: str = "all") -> str:
        """Return the Apprise URL; the path stands for the secret that such URLs hold."""
        return f"json://127.0.0.1:{self.port}/{path}"

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                path = self.path.strip("/")
                status = listener.status.get(path, 200)
                if status == 200:
                    listener.heard.append((path, said["title"], said["message"]))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Print nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.port = server.server_address[1]
            thread = Thread(target=server.serve_forever)
            thread.start()
            yield self
            server.shutdown()
            thread.join()
