"""Versions of a date, restore of one, and undo of a job."""
