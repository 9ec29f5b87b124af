"""JSON documents that the shell and the API share."""
