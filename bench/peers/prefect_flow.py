"""Prefect: one flow run with five tasks for all dates, or one flow run per date.

python prefect_flow.py DATE[,DATE...] [--per-date]
"""

import sys

import work
from prefect import flow, task


@task
def process(code: str, dates: list[str]) -> None:
    work.run(code, dates)


@flow
def season(dates: list[str]) -> None:
    for code in work.CODES:
        process(code, dates)


if __name__ == "__main__":
    days = sys.argv[1].split(",")
    for part in [[day] for day in days] if "--per-date" in sys.argv else [days]:
        season(part)
