"""How well the arms of a finished study hold up when its test texts are changed.

Kept runs are asked for what they say to the changed texts (`asking`), and that is stored in the study's folder (`parts`). What
is told (`effects`) is a pure function of these parts and of the study's results.
"""
