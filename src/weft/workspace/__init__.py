"""The working tree plus our state for it: scan, compare, materialize."""
