"""`python -m tl_ui` starts the page, as `python app.py` and `transfer-lab page` do."""

import sys

from tl_ui.app import main

if __name__ == "__main__":
    sys.exit(main())
