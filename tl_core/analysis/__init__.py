"""Analysis of a study: pure functions of stored scores. Nothing here starts a process or loads a
model.
"""
