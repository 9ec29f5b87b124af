"""Does: plans, runs and records backfills. Imports validation, never webapp."""
