"""Dagster: a job of five partitioned assets, one partition per date."""

import work
from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    BackfillPolicy,
    Definitions,
    StaticPartitionsDefinition,
    asset,
    define_asset_job,
    in_process_executor,
)

PARTITIONS = StaticPartitionsDefinition(work.DATES)


def processor(code: str, after: list[str]) -> AssetsDefinition:
    @asset(
        name=code,
        deps=after,
        partitions_def=PARTITIONS,
        backfill_policy=BackfillPolicy.single_run(),
    )
    def process(context: AssetExecutionContext) -> None:
        work.run(code, list(context.partition_keys))

    return process


definitions = Definitions(
    assets=[processor(code, work.CODES[:n][-1:]) for n, code in enumerate(work.CODES)],
    jobs=[define_asset_job("season", partitions_def=PARTITIONS)],
    executor=in_process_executor,
)
