"""What a comparison looks like: figures (used by the page too) and the report that opens without a network."""
