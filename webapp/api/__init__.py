"""REST API with the operations of shell and panel. Slow to import, so only the URLs import it."""
