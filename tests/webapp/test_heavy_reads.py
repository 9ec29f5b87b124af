"""One user cannot occupy every thread with downloads."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import RequestFactory
from django_htmx.middleware import HtmxDetails

from webapp.middleware.heavy_reads import AT_ONCE, heavy_read
from webapp.models import User
from webapp.ui import csv_export

ANN, BEA = 900_001, 900_002  # numbers that no other test uses
FACTORY = RequestFactory()


@heavy_read
def download(request: object) -> HttpResponseBase:
    return StreamingHttpResponse(iter(["a", "b"]))


@heavy_read
def broken(request: object) -> HttpResponseBase:
    raise ValueError("broken")


def get(user: int, view: object = download) -> HttpResponseBase:
    request = FACTORY.get("/")
    request.user, request.htmx = User(pk=user, username=f"user {user}"), HtmxDetails(request)
    return view(request)  # type: ignore[operator, no-any-return]


@pytest.fixture(autouse=True)
def without_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closing a response would close the test's connection, which the page of a refusal needs."""
    request_finished.disconnect(close_old_connections)
    monkeypatch.setattr(
        "webapp.middleware.heavy_reads.answer",
        lambda request, sentence, status: HttpResponse(sentence, status=status),
    )
    yield
    request_finished.connect(close_old_connections)


@pytest.fixture
def full() -> Iterator[list[HttpResponseBase]]:
    """As many downloads of one user as are allowed."""
    responses = [get(ANN) for _ in range(AT_ONCE)]
    assert [response.status_code for response in responses] == [200] * AT_ONCE
    yield responses
    for response in responses:
        response.close()


def test_one_more_is_refused_with_a_sentence_and_a_time(full: list[HttpResponseBase]) -> None:
    refusal = get(ANN)
    assert (refusal.status_code, refusal["Retry-After"]) == (429, "5")
    assert "downloads running" in refusal.content.decode()  # type: ignore[attr-defined]


def test_another_user_is_served(full: list[HttpResponseBase]) -> None:
    response = get(BEA)
    assert response.status_code == 200
    response.close()


def test_a_finished_download_makes_room_once(full: list[HttpResponseBase]) -> None:
    full[0].close()
    full[0].close()
    full[0] = get(ANN)
    assert full[0].status_code == 200
    assert get(ANN).status_code == 429


def test_a_dropped_response_makes_room(full: list[HttpResponseBase]) -> None:
    full.pop()
    gc.collect()
    full.append(get(ANN))
    assert full[-1].status_code == 200


def test_a_failed_download_makes_room() -> None:
    for _ in range(AT_ONCE + 1):
        with pytest.raises(ValueError, match="broken"):
            get(BEA, broken)


def test_a_file_is_streamed_in_chunks_of_lines() -> None:
    read: list[int] = []

    def rows() -> Iterator[tuple[int]]:
        for number in range(1000):
            read.append(number)
            yield (number,)

    chunks = csv_export.lines(["number"], rows())
    assert next(chunks) == "number\r\n"
    assert read == []
    assert next(chunks).count("\n") == len(read) == csv_export.LINES_AT_ONCE
    assert "".join(chunks).splitlines()[-1] == "999"
