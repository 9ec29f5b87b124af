"""Health check, Prometheus metrics and static files."""
