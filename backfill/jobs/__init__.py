"""Operator actions on jobs: start, retry, pause, resume, cancel, launch."""
