"""``python -m s2s_core``: see :mod:`s2s_core.cli.main`."""

import os
import sys

# Threads that spin while they wait slow each other down where cores are shared. Only before
# torch is loaded does this have an effect.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from s2s_core.cli.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
