"""One entity: why it has a row or a failure, per date and over a season."""
