"""One kind of file each: bytes to a table, within limits."""
