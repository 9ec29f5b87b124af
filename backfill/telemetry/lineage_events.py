"""OpenLineage events: a run with its input tables, its output, counts and failures by category.

Only `backfill.telemetry.lineage` imports this module, because it imports OpenLineage.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from functools import cache
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.utils.timezone import now
from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent, RunState
from openlineage.client.event_v2 import Job as LineageJob
from openlineage.client.event_v2 import Run as LineageRun
from openlineage.client.generated.base import InputDatasetFacet, OutputDatasetFacet, RunFacet
from openlineage.client.generated.data_quality_assertions_dataset import (
    Assertion,
    DataQualityAssertionsDatasetFacet,
)
from openlineage.client.generated.error_message_run import ErrorMessageRunFacet
from openlineage.client.generated.job_type_job import JobTypeJobFacet
from openlineage.client.generated.nominal_time_run import NominalTimeRunFacet
from openlineage.client.generated.output_statistics_output_dataset import (
    OutputStatisticsOutputDatasetFacet,
)
from openlineage.client.generated.parent_run import Job as ParentJob
from openlineage.client.generated.parent_run import ParentRunFacet
from openlineage.client.generated.parent_run import Run as ParentRun

from backfill.models import Job, Run
from backfill.processors.registry import PROCESSORS, Processor
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES

PRODUCER = settings.PANEL_URL
PARENT = "backfill"
ACCOUNTED = "every_entity_has_a_row_or_a_failure"
NO_FAILURE = "no_failure"


def event(job: Job, run: Run, kind: str) -> RunEvent:
    """Return the START, COMPLETE or FAIL of a run."""
    processor = PROCESSORS[run.processor]
    at = run.started_at if kind == "START" else run.finished_at
    is_complete = kind == "COMPLETE"
    return RunEvent(
        eventTime=(at or now()).isoformat(),
        eventType=RunState[kind],
        producer=PRODUCER,
        run=LineageRun(_id(job, run.processor, run.date), _run_facets(job, run, kind)),
        job=LineageJob(_namespace(), processor.name, {"jobType": _job_type("PROCESSOR")}),
        inputs=_inputs(processor, run if is_complete else None),
        outputs=_outputs(processor, run if is_complete else None),
    )


def job_event(job: Job, kind: str) -> RunEvent:
    """Return the START, COMPLETE, FAIL or ABORT of a job, the parent of its runs."""
    at = job.started_at if kind == "START" else job.finished_at
    error = {"errorMessage": _error(job.reason or job.status)} if kind == "FAIL" else {}
    return RunEvent(
        eventTime=(at or now()).isoformat(),
        eventType=RunState[kind],
        producer=PRODUCER,
        run=LineageRun(_id(job), error),
        job=LineageJob(_namespace(), PARENT, {"jobType": _job_type("JOB")}),
    )


def _error(message: str) -> RunFacet:
    return ErrorMessageRunFacet(message=message, programmingLanguage="SQL", producer=PRODUCER)


def _namespace() -> str:
    return str(settings.OPENLINEAGE_NAMESPACE)


def _id(job: Job, *parts: object) -> str:
    """Return the UUID of a run, the same in every process and for a repeated attempt."""
    names = (_namespace(), job.pk, job.created_at.isoformat(), *parts)
    return str(uuid5(NAMESPACE_URL, " ".join(map(str, names))))


@cache
def _job_type(kind: str) -> JobTypeJobFacet:
    return JobTypeJobFacet(
        processingType="BATCH", integration="BACKCOURT", jobType=kind, producer=PRODUCER
    )


def _run_facets(job: Job, run: Run, kind: str) -> dict[str, RunFacet]:
    midnight = datetime.combine(run.date, time(), UTC).isoformat()
    facets: dict[str, RunFacet] = {
        "parent": ParentRunFacet(
            run=ParentRun(_id(job)), job=ParentJob(_namespace(), PARENT), producer=PRODUCER
        ),
        "nominalTime": NominalTimeRunFacet(nominalStartTime=midnight, producer=PRODUCER),
    }
    if kind == "FAIL":
        facets["errorMessage"] = _error(run.reason)
    return facets


def _inputs(processor: Processor, run: Run | None) -> list[InputDataset]:
    """Return the Phase 3 and Phase 4 tables that it reads. The failures of a run are quality
    assertions on its population.
    """
    population = {"dataQualityAssertions": _assertions(run)} if run else {}
    return [
        InputDataset(*_dataset(table), inputFacets=population if not n else {})
        for n, table in enumerate((*processor.sources, *processor.reads))
    ]


def _assertions(run: Run) -> InputDatasetFacet:
    failed = sum(run.failures.values())
    accounted = Assertion(
        assertion="row_count",
        name=ACCOUNTED,
        success=(run.rows or 0) + failed == run.population,
        severity="error",
        expected=str(run.population),
        actual=str((run.rows or 0) + failed),
    )
    of_categories = [
        Assertion(
            assertion=category,
            name=NO_FAILURE,
            success=False,
            severity="warn",
            expected="0",
            actual=str(n),
        )
        for category, n in sorted(run.failures.items())
    ]
    return DataQualityAssertionsDatasetFacet(
        assertions=[accounted, *of_categories], producer=PRODUCER
    )


def _outputs(processor: Processor, run: Run | None) -> list[OutputDataset]:
    rows = {processor.output: run.rows or 0, FAILURES: sum(run.failures.values())} if run else {}
    return [
        OutputDataset(*_dataset(table), outputFacets=_statistics(rows[table]) if rows else {})
        for table in (processor.output, FAILURES)
    ]


def _statistics(rows: int) -> dict[str, OutputDatasetFacet]:
    facet = OutputStatisticsOutputDatasetFacet(rowCount=rows, producer=PRODUCER)
    return {"outputStatistics": facet}


@cache
def _dataset(table: Table) -> tuple[str, str]:
    """Return namespace and name of a table, by the naming rules of OpenLineage."""
    scheme, _, place = settings.WAREHOUSE_URL.partition(":")
    if scheme != "bigquery":
        return "file", f"{place}/{table.dataset}/{table.name}"
    from backfill.warehouse.bigquery.connection import Place

    project = Place.of(settings.WAREHOUSE_URL)
    return "bigquery", f"{project.project}.{project.prefix}{table}"
