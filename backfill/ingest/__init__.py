"""Phase 3 loading and warehouse copies."""
