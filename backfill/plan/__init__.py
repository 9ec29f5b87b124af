"""Plans: what a backfill would run. Read-only."""
