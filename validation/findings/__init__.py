"""Kinds of findings and the rules that produce them: a season in, findings out."""
