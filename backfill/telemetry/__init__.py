"""Traces, lineage events and the output streams of a process."""
