"""Models: finding them, loading them safely, encoding texts once, training in the open."""
