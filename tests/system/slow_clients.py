"""Slow HTTP clients, and the response time of a server while they are connected."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException

Address = tuple[str, int]

HEAD = b"GET /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = (
    b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 1000\r\n\r\nusername="
)
READER = b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
PIPELINED = 20  # requests at once, so that responses exceed every buffer


def kinds(large_file: str) -> dict[str, bytes]:
    """Return the start of each slow exchange. `large_file` is a path of the server."""
    reader = READER % large_file.encode() * PIPELINED
    return {"half-sent headers": HEAD, "half-sent bodies": BODY, "slow readers": reader}


def connected(server: Address, source: str = "127.0.0.1") -> socket.socket:
    """Connect from an address of this machine."""
    client = socket.socket()
    client.settimeout(5)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that an unread response waits
    client.bind((source, 0))
    client.connect(server)
    return client


@contextmanager
def slow_clients(
    server: Address, count: int, kind: bytes, source: str = "127.0.0.1"
) -> Iterator[list[socket.socket]]:
    """Keep connections with an incomplete exchange open inside the block."""
    clients = []
    try:
        for _ in range(count):
            with suppress(OSError):  # a full server may refuse
                client = connected(server, source)
                client.sendall(kind)
                clients.append(client)
        yield clients
    finally:
        for client in clients:
            client.close()


def response_seconds(server: Address, path: str, limit: float) -> float | None:
    """Return the duration of one request, or None if it failed or exceeded the limit."""
    began = time.perf_counter()
    with closing(HTTPConnection(*server, timeout=limit)) as connection:
        try:
            connection.request("GET", path, headers={"Host": "127.0.0.1"})
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            return None
    seconds = time.perf_counter() - began
    return seconds if response.status == 200 and seconds <= limit else None


def is_closed(client: socket.socket) -> bool:
    """Return True if the server has closed the connection, after reading what it sent."""
    client.setblocking(False)
    try:
        while client.recv(1 << 16):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
