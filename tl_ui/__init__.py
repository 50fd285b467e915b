"""The page: it asks and draws, and never works out a number. Models live in the queue's worker
processes.
"""

from tl_ui._quick_import import import_quickly

import_quickly()
