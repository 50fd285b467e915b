"""Trained arms behind HTTP: several of them in one process, on one shared base."""
