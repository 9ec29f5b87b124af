"""Plan, run and record backfills. Imports `validation`, never `webapp`."""
