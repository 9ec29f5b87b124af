"""Failure rates: chart, and the dates, categories and entities of a range."""
