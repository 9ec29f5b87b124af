"""A copy of the database contains no usable session."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from webapp.auth.sessions import SessionStore, digest_of
from webapp.models import Role, User

pytestmark = [pytest.mark.database, pytest.mark.django_db]
PASSWORD = "a long enough password"


@pytest.fixture
def client_with_login() -> Client:
    """A browser that logged in through the form."""
    User.objects.create_user("dana", password=PASSWORD, role=Role.VIEWER)
    client = Client()
    login = client.post(reverse("login"), {"username": "dana", "password": PASSWORD})
    assert login.status_code == 302
    return client


def test_a_login_works_and_its_stored_key_does_not(client_with_login: Client) -> None:
    assert client_with_login.get(reverse("guide")).status_code == 200
    cookie = client_with_login.cookies[settings.SESSION_COOKIE_NAME].value
    stored = Session.objects.get().session_key
    assert stored == digest_of(cookie) != cookie
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = stored
    assert thief.get(reverse("guide")).status_code == 302


def test_a_session_of_the_previous_release_has_ended(client_with_login: Client) -> None:
    cookie = client_with_login.cookies[settings.SESSION_COOKIE_NAME].value
    Session.objects.update(session_key=cookie)
    assert client_with_login.get(reverse("guide")).status_code == 302


def test_a_logout_deletes_the_row(client_with_login: Client) -> None:
    client_with_login.post(reverse("logout"))
    assert not Session.objects.exists()


def test_the_store_saves_loads_and_replaces_its_key() -> None:
    session = SessionStore()
    session["a"] = 1
    session.save()
    key = session.session_key
    assert key is not None
    assert session.exists(key)
    assert SessionStore(key)["a"] == 1
    session.cycle_key()
    assert not session.exists(key)
    assert SessionStore(session.session_key)["a"] == 1
    session.flush()
    assert not Session.objects.exists()
