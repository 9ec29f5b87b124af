"""Audit: compare stored partitions with the expectation and keep the findings."""
