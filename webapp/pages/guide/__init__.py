"""Guide: topics and generated tables."""
