"""Jobs: list, one job live, controls, comparison."""
