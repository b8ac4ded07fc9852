"""Small tools with no knowledge of data or Git."""
