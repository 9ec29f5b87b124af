"""Decides: plain Python, standard library only; values in, verdicts out. No I/O, no Django."""
