"""Load page: Phase 3 files from an upload or a folder of the server, checked before they load."""
