"""Masked-language training, from a start or on texts of one's own."""
