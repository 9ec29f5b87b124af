"""Triage: findings, their evidence and marks."""
