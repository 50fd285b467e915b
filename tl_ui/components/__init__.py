"""Parts that several tabs draw."""
