"""One tab per file; a file that sets `TAB` is found."""
