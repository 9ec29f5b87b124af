"""Page building blocks: tables, fields, links, states, grids, charts."""
