"""Sampling designs: which spots are measured, and what a pilot says a design will cost."""
