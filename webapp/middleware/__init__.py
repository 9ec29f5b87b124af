"""Login, error pages and request log."""
