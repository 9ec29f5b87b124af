"""Contradictions between the Phase 3 tables of a season: their kinds and the rules that find them."""
