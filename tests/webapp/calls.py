"""API clients with a token of a role."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.test import Client

from webapp.models import Token, User


@dataclass(frozen=True)
class Answer:
    """Status and JSON document of an answer."""

    status: int
    document: Any

    @property
    def detail(self) -> str:
        return str(self.document["detail"])


class Program:
    """API client with a token of this role; without a role, anonymous."""

    def __init__(self, role: str = "") -> None:
        self.headers: dict[str, str] = {}
        if role:
            user, _ = User.objects.get_or_create(
                username=f"a {role}", defaults={"role": role, "password": "!"}
            )
            self.headers = {"Authorization": f"Bearer {Token.issue(user, 'test')[1]}"}

    def get(self, path: str, **query: Any) -> Answer:
        return self._answer(Client().get(f"/api/{path}", query, headers=self.headers))

    def post(self, path: str, **sent: Any) -> Answer:
        # CSRF checks are on: a request with a token passes without a CSRF token.
        client = Client(enforce_csrf_checks=True)
        return self._answer(
            client.post(f"/api/{path}", json.dumps(sent), "application/json", headers=self.headers)
        )

    @staticmethod
    def _answer(response: Any) -> Answer:
        return Answer(response.status_code, json.loads(response.content))
