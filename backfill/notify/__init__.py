"""Notifications to people (Apprise) and triggers to Phase 5 (Pub/Sub)."""
