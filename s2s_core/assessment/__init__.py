"""How good a map is, and what it may be used for."""
