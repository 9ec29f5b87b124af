"""Backup and restore of the database and of the embedded warehouse."""
