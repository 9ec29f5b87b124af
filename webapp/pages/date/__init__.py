"""Date pages: chain, entities, entity report, rerun."""
