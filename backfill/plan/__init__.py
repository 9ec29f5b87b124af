"""Backfill plans: options, preflight, estimate and the runs of a backfill. Read-only."""
