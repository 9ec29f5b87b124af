"""What an attempt began in the warehouse and nobody waits for any more is stopped there, once that
is committed.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from functools import partial
from typing import Any

from django.db import transaction

from backfill.errors import WarehouseError
from backfill.warehouse import warehouse

log = logging.getLogger(__name__)


def cancel_orphans(kept: Iterable[dict[str, Any]]) -> None:
    """Stop what the `warehouse_jobs` of some runs name. Must be called in a transaction."""
    if names := {name for jobs in kept for name in jobs.get("names", ())}:
        transaction.on_commit(partial(_stop, names))


def _stop(names: Collection[str]) -> None:
    """Nothing depends on it: what goes on all the same is found to be superseded before it is
    recorded.
    """
    try:
        warehouse().cancel(names)
    except WarehouseError:
        log.exception(
            "what was abandoned could not be stopped in the warehouse: %s", ", ".join(sorted(names))
        )
