"""Versions of partitions: changes of a write, row diffs, and the runs that made them."""
