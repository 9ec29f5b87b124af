"""Oracle: the five processors in plain Python, written from the specification and never from the
SQL.

Slow and obvious on purpose. Rows are dicts by column name; timestamps are UTC without a time zone.
"""

from tests.oracle.chain import STARTED_AT, Runner, run, run_chain, upstream_tables, with_written
from tests.oracle.outcome import ORDER, Outcome, Outcomes, Row, Rows, Tables

__all__ = [
    "ORDER",
    "STARTED_AT",
    "Outcome",
    "Outcomes",
    "Row",
    "Rows",
    "Runner",
    "Tables",
    "run",
    "run_chain",
    "upstream_tables",
    "with_written",
]
