"""Putting a task to a model in words: prompts, demonstrations, entailment, chat endpoints, trained
prompts.
"""
