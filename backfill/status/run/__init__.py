"""One run: its detail and its log."""
