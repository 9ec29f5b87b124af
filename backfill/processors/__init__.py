"""Processor declarations and their SQL."""
