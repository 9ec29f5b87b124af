"""Current state of runs, jobs, tables and the system. Read-only."""
