"""Location of the datasets: every job runs in it, and is found only there.

Outside the multi-regions US and EU, jobs.get and jobs.cancel find nothing without it:
https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/get
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace

from google.api_core.exceptions import NotFound
from google.cloud.bigquery import Client, Dataset
from google.cloud.bigquery.retry import DEFAULT_RETRY

from backfill.errors import Refused, WarehouseUnwritable
from backfill.warehouse.bigquery.connection import EMULATOR, Place, as_location, connect
from backfill.warehouse.bigquery.errors import api_errors
from backfill.warehouse.bigquery.kept import DATASET as VERSIONS
from backfill.warehouse.bigquery.sql import SCRATCH
from backfill.warehouse.tables import TABLES

PATIENT = DEFAULT_RETRY.with_timeout(60.0)
# By emulator and place; read once per process.
_located: dict[tuple[str, Place], Place] = {}


class LocationConflict(Refused, WarehouseUnwritable):
    """Datasets and WAREHOUSE_URL name different locations: a command is refused, a job pauses."""


def located(place: Place) -> Place:
    """Return the place with the location of its datasets.

    Raises LocationConflict, and WarehouseUnwritable if there is no dataset.
    """
    key = os.environ.get(EMULATOR, ""), place
    if key not in _located:
        found = existing_datasets(connect(place), place)
        where = {name: as_location(dataset.location) for name, dataset in found.items()}
        _located[key] = replace(place, location=_common(place, where))
    return _located[key]


def dataset_names(place: Place) -> list[str]:
    """Return the names of all datasets, with the place's prefix."""
    names = sorted({table.dataset for table in TABLES})
    return [f"{place.prefix}{name}" for name in (*names, SCRATCH, VERSIONS)]


def existing_datasets(client: Client, place: Place) -> dict[str, Dataset]:
    """Return the existing datasets by name. Raises WarehouseError."""
    found: dict[str, Dataset] = {}
    with api_errors():
        for name in dataset_names(place):
            try:
                found[name] = client.get_dataset(f"{place.project}.{name}", retry=PATIENT)
            except NotFound as error:
                if re.search(r"not found: project\b", str(error.message), re.IGNORECASE):
                    raise
    return found


def _common(place: Place, where: Mapping[str, str]) -> str:
    """Return the location of these datasets."""
    if not where:
        raise WarehouseUnwritable(
            f"project {place.project} has no datasets; run `manage.py create_tables`"
        )
    locations = sorted(set(where.values()))
    if len(locations) > 1:
        listed = ", ".join(f"{name} in {there}" for name, there in sorted(where.items()))
        raise LocationConflict(
            f"the datasets are in different locations ({listed}): recreate them in one location, "
            "because a statement reads and writes several of them"
        )
    if place.location and place.location != locations[0]:
        raise LocationConflict(
            f"the datasets are in {locations[0]}, not in {place.location}: "
            f"write ?location={locations[0]} in WAREHOUSE_URL, or leave it out"
        )
    return locations[0]
