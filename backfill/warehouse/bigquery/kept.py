"""Tables of the versions: one per output and for the failures, and the log of their writes.

A kept table has the columns of its table, all nullable, with the token of the write that made the
rows and the time of their replacement. A kept partition without rows is a row without an entity.
"""

from __future__ import annotations

from dataclasses import replace

from backfill.warehouse.schema import SLICE, Table, parse_columns
from backfill.warehouse.tables import FAILURES, OUTPUTS

DATASET = "backcourt_versions"
# A partition of the kept tables holds a day, whose last rows have the full age a day later.
MORE_DAYS = 1
_OWN = "token INT64 fencing token of the write that made the row\nreplaced_at TIMESTAMP time of its replacement"
WRITES = Table(
    short="WRITES",
    kind="log",
    dataset=DATASET,
    name="writes",
    partition="day",
    cluster=("name", "slice"),
    key=("name", "slice", "day", "token"),
    columns=tuple(
        parse_columns("""
        name STRING! table
        slice STRING! processor of a log's slice, or empty
        day DATE! partition
        token INT64! fencing token of the write
        work STRING! key of its work, which another attempt can continue
        written_at TIMESTAMP! time before the write
        """)
    ),
)


def kept(table: Table) -> Table:
    """Return the table of the versions of a table, partitioned by the day of replacement."""
    own = tuple(parse_columns(_OWN))
    return Table(
        short=f"KEPT_{table.short}",
        kind="log",
        dataset=DATASET,
        name=table.name,
        partition="replaced_at",
        cluster=(table.partition, *([SLICE] if table.kind == "log" else [])),
        key=(*table.key, "token", "replaced_at"),
        columns=(*(replace(c, nullable=True) for c in table.columns), *own),
    )


def kept_tables() -> tuple[Table, ...]:
    """Return the tables that have versions."""
    return (*OUTPUTS, FAILURES)


def all_tables() -> tuple[Table, ...]:
    """Return the log of the writes and the kept tables."""
    return (WRITES, *map(kept, kept_tables()))


def expires_after(table: Table, keep_days: int) -> int:
    """Return the days after which a partition of a table expires; 0 if never."""
    is_kept = table.dataset == DATASET and table != WRITES
    return keep_days + MORE_DAYS if is_kept and keep_days else 0
