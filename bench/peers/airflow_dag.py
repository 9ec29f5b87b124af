"""Airflow: a DAG with one run and five tasks for all dates, and a DAG with one run per date."""

from datetime import datetime

import work
from airflow.sdk import DAG, get_current_context, task


@task
def process(code: str, *, is_per_date: bool) -> None:
    work.run(code, [get_current_context()["ds"]] if is_per_date else work.DATES)


def chain(*, is_per_date: bool) -> None:
    before = None
    for code in work.CODES:
        made = process.override(task_id=code)(code, is_per_date=is_per_date)
        if before is not None:
            before >> made
        before = made


with DAG("season", schedule=None):
    chain(is_per_date=False)

first, last = (datetime.fromisoformat(day) for day in (work.DATES[0], work.DATES[-1]))
with DAG("by_date", schedule="@daily", start_date=first, end_date=last, catchup=False):
    chain(is_per_date=True)
