"""The command line: ``python -m s2s_core``."""
