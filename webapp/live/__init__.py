"""Live pages: every open page polls its own URL and receives its changed parts."""
