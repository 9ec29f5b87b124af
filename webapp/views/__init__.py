"""One module per page: a view gets, asks, renders."""
