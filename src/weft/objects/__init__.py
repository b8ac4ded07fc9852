"""Policy of objects: chunk, pack, catalog, store, transfer."""
