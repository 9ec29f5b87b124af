"""Drill-down to one entity: the reason for a row or a failure, per date and per season."""
