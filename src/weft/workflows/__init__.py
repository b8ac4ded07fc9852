"""One module per verb: take an opened project and plain arguments, return records."""
