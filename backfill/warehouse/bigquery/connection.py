"""BigQuery connection: `bigquery://PROJECT[/PREFIX][?location=PLACE]`, and its client."""

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

EXPECTED = "bigquery://PROJECT, optionally with /PREFIX for its datasets and ?location=PLACE"
PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
EMULATOR = "BIGQUERY_EMULATOR_HOST"


@dataclass(frozen=True)
class Place:
    """Project, prefix of its dataset names, and location; an empty one is that of the datasets."""

    project: str
    prefix: str = ""
    location: str = ""

    @classmethod
    def of(cls, url: str) -> Place:
        """Parse a warehouse URL. Raises Refused."""
        parts = urlsplit(url)
        prefix, query = parts.path.strip("/"), parse_qs(parts.query)
        is_right = (
            PROJECT.fullmatch(parts.netloc)
            and re.fullmatch(r"\w*", prefix)
            and query.keys() <= {"location"}
        )
        if parts.scheme != "bigquery" or not is_right:
            raise Refused(f"the warehouse URL must be {EXPECTED}, not {url!r}")
        return cls(parts.netloc, prefix, as_location("".join(query.get("location", []))))


def as_location(text: str) -> str:
    """Return a location as BigQuery writes it: `EU`, `europe-west1`."""
    return text.upper() if len(text) == 2 else text.lower()


def is_emulated() -> bool:
    """Return True for an emulator, which needs no credentials and has no Storage API."""
    return bool(os.environ.get(EMULATOR))


def connect(place: Place) -> Client:
    """Return a client with credentials. Raises WarehouseUnwritable if there are none."""
    location = place.location or None
    if is_emulated():
        # Set here too, because the library reads the variable only on import.
        options = ClientOptions(api_endpoint=os.environ[EMULATOR])
        anybody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        return Client(place.project, anybody, location=location, client_options=options)
    with api_errors():
        return Client(place.project, location=location)
