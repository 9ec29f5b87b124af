"""New backfill: form, live preview, start, presets and pending launches."""
