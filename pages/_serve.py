"""Start the app: python -m pages._serve [options of streamlit run]

The same as ``streamlit run app.py``, but for the first visitor of a fresh server: Streamlit takes
a folder called ``pages`` for the pages themselves until app.py has run once, and would greet the
address of a run with "Page not found".
"""

import sys
from pathlib import Path

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.cli import main

APP = Path(__file__).parent.parent / "app.py"

if __name__ == "__main__":
    PagesManager.uses_pages_directory = False
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    sys.exit(main())
