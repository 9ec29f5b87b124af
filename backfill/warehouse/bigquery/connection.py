"""Which BigQuery is meant: `bigquery://PROJECT[/PREFIX][?location=PLACE]`, and the client for it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.bigquery import Client

from backfill.errors import Refused
from backfill.warehouse.bigquery.errors import api_errors

EXPECTED = (
    "bigquery://PROJECT, with /PREFIX for its datasets and ?location=PLACE if need be, is expected"
)
PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
EMULATOR = "BIGQUERY_EMULATOR_HOST"


@dataclass(frozen=True)
class Place:
    """A project, what its datasets' names begin with, and where they are; empty is wherever
    BigQuery puts them.
    """

    project: str
    prefix: str = ""
    location: str = ""

    @classmethod
    def of(cls, url: str) -> Place:
        """The place that a URL names. Raises Refused."""
        parts = urlsplit(url)
        prefix, query = parts.path.strip("/"), parse_qs(parts.query)
        is_right = (
            PROJECT.fullmatch(parts.netloc)
            and re.fullmatch(r"\w*", prefix)
            and query.keys() <= {"location"}
        )
        if parts.scheme != "bigquery" or not is_right:
            raise Refused(f"WAREHOUSE_URL is {url!r}; {EXPECTED}")
        return cls(parts.netloc, prefix, "".join(query.get("location", [])))


def is_emulated() -> bool:
    """Whether an emulator is spoken to, which wants no credentials and has no Storage API."""
    return bool(os.environ.get(EMULATOR))


def connect(place: Place) -> Client:
    """A client; its credentials are looked for here. Raises WarehouseUnwritable when there are
    none.
    """
    location = place.location or None
    if is_emulated():
        # Named here too: the library reads the variable when it is imported, and not again.
        options = ClientOptions(api_endpoint=os.environ[EMULATOR])
        anybody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        return Client(place.project, anybody, location=location, client_options=options)
    with api_errors():
        return Client(place.project, location=location)
