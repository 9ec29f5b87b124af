"""Shows: settings, pages and forms. Nobody imports it."""
