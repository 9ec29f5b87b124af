"""Kinds of Findings and the rules that produce them from the facts of a season."""
