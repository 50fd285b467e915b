"""The parts of a study: its plan and arms, where it is stored, what it may do, how long it may
take.
"""
