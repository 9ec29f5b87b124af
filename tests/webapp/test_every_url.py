"""URLs of the project: the status of each for anonymous users, viewers and operators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from backfill.drilldown.entities import list_entities
from backfill.models import Finding, Job, Launch, Run
from tests.webapp.demo import FAULTY, YEAR, Demo
from webapp.models import Token, User

pytestmark = [pytest.mark.database, pytest.mark.django_db]


class Answers(NamedTuple):
    """Statuses of a GET by each role, and of a viewer's POST."""

    nobody: int
    viewer: int
    operator: int
    posted: int


READ = Answers(302, 200, 200, 405)
# Form that every logged-in user may read; sending it changes data.
FORM = Answers(302, 200, 200, 403)
# Preview of a change, for users who may make it.
ASKS = Answers(302, 403, 200, 403)
CHANGES = Answers(302, 405, 405, 403)
PROGRAMS = Answers(401, 200, 200, 405)

TABLE = {
    "home": READ,
    "live": READ,
    "cells": Answers(302, 200, 200, 422),  # a POST without cells
    "cells_why": READ,
    "cells_validate": READ,
    "rates": READ,
    "rates_entities": READ,
    "results": READ,
    "coverage": READ,
    "runs": READ,
    "runs_csv": READ,
    "run": READ,
    "run_log": READ,
    "run_log_text": READ,
    "run_errors": READ,
    "guide": READ,
    "topic": READ,
    "dates": Answers(302, 302, 302, 405),
    "date": READ,
    "date_validation": READ,
    "date_run": ASKS,
    "versions": READ,
    "version_restore": ASKS,
    "entities": READ,
    "entities_csv": READ,
    "entity_neighbors": READ,
    "entity": READ,
    "players": READ,
    "player": READ,
    "backfill_new": FORM,
    "backfill_preview": Answers(302, 200, 200, 200),
    "backfill_plan": Answers(302, 200, 200, 422),
    "backfill_preset": CHANGES,
    "backfill_decide": ASKS,
    "jobs": READ,
    "job": READ,
    "job_events": READ,
    "job_groups": READ,
    "job_run": Answers(302, 301, 301, 405),
    "job_pause": ASKS,
    "job_resume": ASKS,
    "job_cancel": ASKS,
    "job_limit": ASKS,
    "job_undo": ASKS,
    "job_compare": READ,
    "job_comparison": Answers(302, 422, 422, 405),  # job compared with itself
    "job_diff": READ,
    "job_diff_values": READ,
    "job_diff_file": READ,
    "job_report": READ,
    "retry": FORM,
    "retries": READ,
    "triage": READ,
    "triage_audit": CHANGES,
    "triage_mark": CHANGES,
    "finding": FORM,
    "finding_evidence": READ,
    "finding_rows": READ,
    "load": Answers(302, 403, 200, 405),
    "load_upload": CHANGES,
    "load_preview": Answers(302, 403, 302, 405),  # without an input, back to the form
    "load_start": CHANGES,
    "load_remove": CHANGES,
    "queries": READ,
    "query": READ,
    "query_csv": READ,
    "system": READ,
    "system_batch_limit": CHANGES,
    "api": Answers(302, 302, 302, 405),
    "api_docs": READ,
    "openapi": PROGRAMS,
    "metrics": PROGRAMS,
    "healthz": Answers(200, 200, 200, 405),
    "readyz": Answers(503, 503, 503, 405),  # without static files
    # The user's own tokens: the form again, with its errors; other users' tokens are not found.
    "tokens_moved": Answers(302, 301, 301, 405),
    "tokens": Answers(302, 200, 200, 200),
    "password": Answers(302, 200, 200, 200),
    "token_revoke": Answers(302, 405, 405, 404),
    "token_renew": Answers(302, 405, 405, 404),
    "login": Answers(200, 302, 302, 302),
    "logout": Answers(302, 405, 405, 302),
}

NAMED = {
    "day": str(FAULTY),
    "code": "PSZA",
    "processor": "PSZA",
    "year": str(YEAR),
    "version": "nope",
    "topic": "jobs",
    "kind": "json",
    "verb": "approve",
}
NOVEMBER = {"start": "2021-11-01", "end": "2021-11-30"}
CELLS = {"cells": f"PSZA,PDC {FAULTY}"}
QUERY = {
    "backfill_plan": NOVEMBER,
    "query_csv": NOVEMBER,
    **dict.fromkeys(("cells", "cells_why", "cells_validate"), CELLS),
}
# Source of `pk` in URLs that do not name a job.
OWN_PK = {
    "finding": "finding",
    "finding_evidence": "finding",
    "run": "run",
    "run_log": "run",
    "run_log_text": "run",
    "run_errors": "run",
    "finding_rows": "finding",
    "backfill_decide": "launch",
    "token_revoke": "token",
    "token_renew": "token",
}


def patterns(found: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[URLPattern]:
    """Yield every page of the project; Django's admin and the API have separate tests."""
    for one in found:
        route = prefix + str(one.pattern)
        if isinstance(one, URLPattern):
            yield one
        elif not route.startswith(("admin/", "api/")):
            yield from patterns(one.url_patterns, route)


ROUTES = {one.name: one for one in patterns(get_resolver().url_patterns) if one.name}


@pytest.fixture
def filled(demo: Demo) -> dict[str, str]:
    """Return a value for every URL parameter."""
    job, finding = Job.objects.all()[0], Finding.objects.all()[0]
    run = Run.objects.get(processor="PSZA", date=FAULTY)
    user = User.objects.create(username="olga", role="operator")
    launch = Launch.objects.create(options=job.options, actor="olga", needs_approval="it is large")
    token, _ = Token.issue(user, "cron")
    numbers = {
        "number": job.pk,
        "other": job.pk,
        "pk": job.pk,
        "run": run.pk,
        "finding": finding.pk,
        "launch": launch.pk,
        "token": token.pk,
    }
    return {**NAMED, **{name: str(number) for name, number in numbers.items()}}


def address(name: str, values: dict[str, str]) -> str:
    """Return the URL of this name, for an existing object."""
    wanted = ROUTES[name].pattern.regex.groupindex
    called = (
        "failure-counts"
        if name.startswith("query")
        else list_entities(FAULTY, "PSZA").entities[0].name
    )
    found = {**values, "pk": values[OWN_PK.get(name, "pk")], "name": called}
    return reverse(name, kwargs={key: found[key] for key in wanted})


def test_the_table_names_every_url_and_no_other() -> None:
    assert set(TABLE) == set(ROUTES)
    assert (QUERY.keys() | OWN_PK.keys()) - set(ROUTES) == set()


def test_their_names_are_words_with_underscores() -> None:
    assert [name for name in ROUTES if not name.replace("_", "").isalpha()] == []


@pytest.mark.parametrize("name", sorted(TABLE))
def test_each_role_gets_what_is_his(
    name: str, filled: dict[str, str], client: Client, viewer: Client, operator: Client
) -> None:
    url = address(name, filled)
    found = [
        browser.get(url, QUERY.get(name)).status_code for browser in (client, viewer, operator)
    ]
    assert Answers(*found, viewer.post(url).status_code) == TABLE[name], url


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def declared(name: str) -> set[str]:
    """Return the methods of a URL according to the table's GET and POST."""
    answers = TABLE[name]
    reads = {"GET", "HEAD"} if answers.operator != 405 else set()
    return reads | ({"POST"} if answers.posted != 405 else set())


@pytest.mark.parametrize("name", sorted(TABLE))
def test_other_methods_than_the_declared_are_refused(
    name: str, filled: dict[str, str], operator: Client
) -> None:
    url, query = address(name, filled), QUERY.get(name)
    undeclared = [method for method in METHODS if method not in declared(name)]
    answers = {method: operator.generic(method, url).status_code for method in undeclared}
    assert answers == dict.fromkeys(undeclared, 405), url
    if "GET" in declared(name):
        status = operator.get(url, query).status_code
        assert operator.head(url, query).status_code == status, url
