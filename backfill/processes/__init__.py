"""Long-lived processes: supervisor, Celery workers, result backend."""
