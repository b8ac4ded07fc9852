"""Everything asked of Git."""
