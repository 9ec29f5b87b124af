"""Gunicorn worker that serves with Waitress: one thread reads requests and writes responses, so a
slow client never occupies a thread that runs a view.

Gunicorn starts, replaces and stops the processes. Waitress passes a request to a view when its
body is complete, and buffers the response. This module adds deadlines for each phase of a
connection and a limit per address.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from copy import copy
from enum import Enum
from math import inf
from types import MappingProxyType
from typing import Any

from django.conf import settings
from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import RequestEntityTooLarge

LOOP_SECONDS = 0.5
CONNECTIONS = 500  # per process; further clients wait in the kernel's queue
SEND_BUFFER_BYTES = 128 * 1024
MAX_HEADER_BYTES, MAX_BODY_BYTES = 32 * 1024, 10 * 2**20
# Path of uploads, which are larger and take longer than other forms; the room is for the form's text.
UPLOAD_PATH, UPLOAD_SECONDS, UPLOAD_ROOM_BYTES = "/load/upload/", 900, 2**20


class Phase(Enum):
    """Phase of a connection."""

    IDLE = "idle"
    HEADERS = "headers"
    BODY = "body"
    ANSWERING = "answering"
    SENDING = "sending"


# Seconds until a connection in this phase is closed; a view has no deadline.
DEADLINES: Mapping[Phase, float] = MappingProxyType(
    {
        Phase.IDLE: 20,
        Phase.HEADERS: 10,
        Phase.BODY: 60,
        Phase.ANSWERING: inf,
        Phase.SENDING: 300,
    }
)


class RequestParser(HTTPRequestParser):  # type: ignore[misc]
    """Parser with the limit of uploads for a logged-in client on their path."""

    is_upload = False
    adj: Any
    error: Any

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the header, then choose the limit of the body."""
        super().parse_header(header_plus)
        has_session = settings.SESSION_COOKIE_NAME in self.headers.get("COOKIE", "")
        if self.path == UPLOAD_PATH and has_session:
            self.is_upload = True
            self.adj = copy(self.adj)
            self.adj.max_request_body_size = settings.UPLOAD_MAX_MB * 2**20 + UPLOAD_ROOM_BYTES

    def received(self, data: bytes) -> int:
        """Read a part of the request; a body that is too large is named in one sentence."""
        consumed = int(super().received(data))
        if self.is_upload and isinstance(self.error, RequestEntityTooLarge):
            limit = f"{settings.UPLOAD_MAX_MB} MB"
            self.error = RequestEntityTooLarge(f"the upload is larger than {limit} (UPLOAD_MAX_MB)")
        return consumed


class Channel(HTTPChannel):  # type: ignore[misc]
    """Connection with the start of its current phase."""

    parser_class = RequestParser
    since = 0.0
    marker: object = None
    requests_served = 0

    def phase(self) -> Phase:
        """Return the current phase."""
        if self.total_outbufs_len:
            return Phase.SENDING
        if self.requests:
            return Phase.ANSWERING
        if self.request is None:
            return Phase.IDLE
        return Phase.BODY if self.request.headers_finished else Phase.HEADERS

    def is_too_slow(self, now: float) -> bool:
        """Return True if the phase exceeds its deadline. Called about every half second."""
        phase = self.phase()
        marker = (phase, self.requests_served)
        if marker != self.marker:
            self.marker, self.since = marker, now
        is_upload = phase is Phase.BODY and getattr(self.request, "is_upload", False)
        return now - self.since > (UPLOAD_SECONDS if is_upload else DEADLINES[phase])

    def service(self) -> None:
        """Answer a request; the next one begins new phases."""
        super().service()
        self.requests_served += 1


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Listening socket of one process."""

    channel_class = Channel

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.unread: list[Channel] = []
        super().__init__(*args, **kwargs)

    def add_task(self, channel: Channel) -> None:
        """Queue a request, but only after the client has read the response to its previous one;
        the buffer of a client that never reads would fill up and block a thread.
        """
        if channel.total_outbufs_len:
            self.unread.append(channel)
        else:
            super().add_task(channel)

    def queue_unread(self) -> None:
        """Queue the next requests of clients that have read a response."""
        channels, self.unread = self.unread, []
        for channel in channels:
            if channel.connected:
                self.add_task(channel)

    def readable(self) -> bool:
        """Return True if this process can take a connection; with requests waiting for a thread,
        another process is faster.
        """
        return bool(super().readable() and not self.task_dispatcher.queue)

    def maintenance(self, now: float) -> None:
        """Do nothing; `close_slow` replaces it. Waitress would wait until the client reads."""

    def handle_accept(self) -> None:
        """Accept a connection and apply the limit of its address."""
        known = set(self.active_channels)
        super().handle_accept()
        for number in set(self.active_channels) - known:
            self.limit_address(self.active_channels[number].addr[0])

    def limit_address(self, address: str) -> None:
        """Close the oldest connection of an address above its limit, so that new requests from a
        shared address still get a response.
        """
        channels = [c for c in self.active_channels.values() if c.addr[0] == address]
        closable = [c for c in channels if c.phase() is not Phase.ANSWERING]
        if closable and len(channels) > settings.WEB_CONNECTIONS_PER_ADDRESS > 0:
            min(
                closable, key=lambda c: (c.phase() is Phase.SENDING, c.creation_time)
            ).handle_close()

    def close_slow(self, now: float) -> None:
        """Close connections that exceed a deadline."""
        for channel in [*self.active_channels.values()]:
            if channel.is_too_slow(now):
                channel.handle_close()

    def is_busy(self) -> bool:
        """Return True while a request is being answered or its response being sent."""
        busy = (Phase.ANSWERING, Phase.SENDING)
        return any(channel.phase() in busy for channel in self.active_channels.values())


class BufferedWorker(Worker):  # type: ignore[misc]
    """Process of the panel."""

    def run(self) -> None:
        """Serve until told to stop, then finish the requests in progress."""
        sockets: dict[int, Any] = {}
        threads = ThreadedTaskDispatcher()
        threads.set_thread_count(self.cfg.threads)
        servers = [self._server(listener.sock, sockets, threads) for listener in self.sockets]
        while self.alive and self.is_parent_alive():
            self._loop(servers, sockets)
        for server in servers:
            server.del_channel()  # takes no further connection
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while any(s.is_busy() for s in servers) and time.monotonic() < deadline:
            self._loop(servers, sockets)
        threads.shutdown(timeout=1)

    def is_parent_alive(self) -> bool:
        """Return False if Gunicorn's main process has ended."""
        return bool(self.ppid == os.getppid())

    def application(self, environ: Any, start_response: Any) -> Any:
        """Answer a request, to HEAD without a body, which Waitress would send. After
        `max_requests`, Gunicorn replaces the process.
        """
        self.nr += (
            "HTTP_X_LIVE" not in environ
        )  # a hundred open pages poll a hundred times a second
        if self.nr >= self.max_requests:
            self.alive = False
        response = self.wsgi(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return response
        if hasattr(response, "close"):
            response.close()
        return []

    def _loop(self, servers: list[Server], sockets: dict[int, Any]) -> None:
        self.notify()
        wasyncore.loop(timeout=LOOP_SECONDS, use_poll=True, map=sockets, count=1)
        for server in servers:
            server.queue_unread()
            server.close_slow(time.monotonic())

    def _server(self, listener: Any, sockets: dict[int, Any], threads: Any) -> Server:
        options = Adjustments(
            sockets=[listener],
            threads=self.cfg.threads,
            backlog=self.cfg.backlog,
            connection_limit=CONNECTIONS,
            max_request_header_size=MAX_HEADER_BYTES,
            max_request_body_size=MAX_BODY_BYTES,
            clear_untrusted_proxy_headers=False,  # Django's settings decide which it trusts
            log_socket_errors=False,
            ident="",
        )
        # Waitress buffers responses in files; the kernel would hold megabytes per slow reader.
        options.socket_options = [
            *options.socket_options,
            (socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES),
        ]
        address = (listener.family, listener.type, listener.proto, listener.getsockname())
        return Server(
            self.application,
            sockets,
            _sock=listener,
            dispatcher=threads,
            adj=options,
            sockinfo=address,
            bind_socket=False,
        )
