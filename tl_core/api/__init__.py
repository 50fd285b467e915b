"""Contracts: everything that the author of a plug-in may rely on, and nothing that computes."""
