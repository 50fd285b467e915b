"""The page: it asks and draws, and never works out a number. Models live in the queue's worker
processes.
"""
