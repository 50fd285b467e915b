"""The engine of Transfer Lab: which way of using labels suits these texts, and how sure is that?

`plan` a study, `run` it, `compare` its results. The page, the command line and a notebook all use these.
"""

__version__ = "0.1.0"
