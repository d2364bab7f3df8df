"""``python -m s2s_core``: see :mod:`s2s_core.cli`."""

import sys

from s2s_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
