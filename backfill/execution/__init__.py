"""Worker side: dispatch, claim, execute and record steps."""
