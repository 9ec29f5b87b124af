"""One date: chain, entities, entity report, rerun."""
