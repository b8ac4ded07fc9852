"""Records as text: one function a record, each returning the lines of a page and printing nothing."""
