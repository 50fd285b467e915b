"""Helpers shared by views of Look inside."""
