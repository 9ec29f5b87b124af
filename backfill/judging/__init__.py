"""Judging what was written: Phase 3 and Phase 4 are read, `validation` decides, the Findings are kept."""
