"""Shell building blocks: arguments, one-line errors, progress, tables."""
