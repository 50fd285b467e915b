"""Starts the page: `python app.py`, then open the address it prints. Spaces start this file too."""

import sys

from tl_ui.app import build, launch_kwargs, main

__all__ = ["build", "launch_kwargs", "main"]

if __name__ == "__main__":
    sys.exit(main())
