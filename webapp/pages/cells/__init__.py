"""Selected cells of a grid: their actions, validation and reasons."""
