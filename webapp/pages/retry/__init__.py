"""Retry: form and preview."""
