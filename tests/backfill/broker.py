"""Pub/Sub API server in the test process: stores received messages and answers as scripted."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.pubsub_v1 import PublishRequest, PublishResponse

Answer = Callable[[grpc.ServicerContext], None]
SERVICE = "google.pubsub.v1.Publisher"


def accept(context: grpc.ServicerContext) -> None:
    """Take the message."""


def refuse(code: grpc.StatusCode, details: str) -> Answer:
    return lambda context: context.abort(code, details)


class Broker:
    """Fake topic.

    `sent` has every accepted message as (topic, payload, attributes); `answers` holds the answers
    to the next calls.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, dict[str, str]]] = []
        self.answers: deque[Answer] = deque()
        self.port = 0

    @property
    def keys(self) -> list[str]:
        return [attributes["trigger"] for _, _, attributes in self.sent]

    def publish(self, request: PublishRequest, context: grpc.ServicerContext) -> PublishResponse:
        (self.answers.popleft() if self.answers else accept)(context)
        (message,) = request.messages
        self.sent.append((request.topic, json.loads(message.data), dict(message.attributes)))
        return PublishResponse(message_ids=[f"m{len(self.sent)}"])

    @contextmanager
    def listening(self) -> Iterator[Broker]:
        """Serve, on the same port each time."""
        method = grpc.unary_unary_rpc_method_handler(
            self.publish, PublishRequest.deserialize, PublishResponse.serialize
        )
        with ThreadPoolExecutor(4) as pool:
            server = grpc.server(pool)
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(SERVICE, {"Publish": method}),)
            )
            self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
            server.start()
            try:
                yield self
            finally:
                server.stop(None).wait()
