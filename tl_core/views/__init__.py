"""Numbers for a picture: what a model sees in a text, one view per file. Nothing here draws."""
