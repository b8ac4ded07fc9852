"""Pure values: ids, paths, entries, manifests, pointers. No input or output happens here."""
