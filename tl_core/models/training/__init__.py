"""Training a classifier: the one loop, heads, adapters, stopping, and what a trained body can be
asked.
"""
