"""System checks: report a misconfiguration at start, before a run depends on it.

Commands run only the checks tagged OWN, because Django's own checks import every page and the API.
`manage.py check` runs all of them.
"""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from backfill.errors import BackcourtError
from backfill.private_files import readable_by_others
from backfill.recovery.unfinished_restore import is_restoring
from backfill.warehouse import check_url

OWN, NOTICES, LOCATION = "backcourt", "notices", "location"


# A topic name has 3 to 255 of these characters and starts with a letter. The project of an
# organization can include its domain.
TOPIC = re.compile(r"projects/[a-z0-9][a-z0-9.:-]+/topics/(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}")


@register(OWN)
def topic_is_a_name(**kwargs: Any) -> list[CheckMessage]:
    """Return E003 if PUBSUB_TOPIC is not a topic name."""
    if not settings.PUBSUB_TOPIC or TOPIC.fullmatch(settings.PUBSUB_TOPIC):
        return []
    return [
        Error(
            f"PUBSUB_TOPIC is {settings.PUBSUB_TOPIC!r}; use projects/PROJECT/topics/TOPIC",
            id="backcourt.E003",
        )
    ]


@register(OWN)
def warehouse_url_is_known(**kwargs: Any) -> list[CheckMessage]:
    """Return E001 if WAREHOUSE_URL is not a warehouse URL."""
    try:
        check_url(settings.WAREHOUSE_URL)
    except BackcourtError as error:
        return [
            Error(str(error), hint="The default is parquet:var/warehouse.", id="backcourt.E001")
        ]
    return []


@register(LOCATION)
def datasets_are_in_one_location(**kwargs: Any) -> list[CheckMessage]:
    """Return E006 if datasets and WAREHOUSE_URL name different BigQuery locations. Not tagged OWN,
    because it sends requests; without a response it reports nothing.
    """
    if not settings.WAREHOUSE_URL.startswith("bigquery:"):
        return []
    from backfill.warehouse.bigquery.connection import Place
    from backfill.warehouse.bigquery.location import LocationConflict, located

    try:
        located(Place.of(settings.WAREHOUSE_URL))
    except LocationConflict as error:
        return [Error(str(error), id="backcourt.E006")]
    except BackcourtError:
        return []  # reported by what needs the warehouse
    return []


@register(OWN)
def no_restore_is_unfinished(**kwargs: Any) -> list[CheckMessage]:
    """Return E007 if the warehouse has been restored only in part."""
    if not is_restoring():
        return []
    return [Error("a restore has not ended; run `manage.py restore` again", id="backcourt.E007")]


@register(Tags.security, deploy=True)
def files_are_private(**kwargs: Any) -> list[CheckMessage]:
    """Return E005 if another user of this machine can access a file of DATA_DIR, .env or the SQLite
    database.
    """
    database = settings.DATABASES["default"]
    sqlite = [Path(database["NAME"])] if database["ENGINE"].endswith("sqlite3") else []
    paths = [settings.VAR, settings.BASE_DIR / ".env", *sqlite]
    exposed = sorted(set(readable_by_others(*paths)))
    if not exposed:
        return []
    others = f" and {len(exposed) - 1} more" if exposed[1:] else ""
    fix = " ".join(quote(str(path)) for path in paths if path.exists())
    return [
        Error(
            f"other users of this machine can access {exposed[0]}{others}; run chmod -R go= {fix}",
            id="backcourt.E005",
        )
    ]


@register(NOTICES)
def notify_urls_are_understood(**kwargs: Any) -> list[CheckMessage]:
    """Return E004 for each NOTIFY_URLS entry that Apprise cannot parse. Not tagged OWN, because
    importing Apprise is slow.
    """
    if not settings.NOTIFY_URLS:
        return []
    from backfill.notify.apprise import is_understood, named_urls

    wrong = [name for name, url in named_urls() if not is_understood(url)]
    hint = "See https://appriseit.com/services/ for the URL of each service."
    return [
        Error(f"{name} is not a valid Apprise URL", hint=hint, id="backcourt.E004")
        for name in wrong
    ]
