"""Provenance of a section, in its ``uns``: file, reading options, mask and seed."""

from __future__ import annotations

from s2s_core.data.section import Section

# Which file a section was read from, and how; every output carries it.
INPUT_KEY = "s2s_input"
# Which design a section was sampled by, and its seed; every output carries it.
MASK_KEY = "s2s_mask"


def mask_seed(section: Section) -> int | None:
    """Seed that the section's design was drawn with; None where it was not drawn."""
    drawn = section.uns.get(MASK_KEY) or {}
    # What was painted or added since has another design.
    return int(drawn["seed"]) if section.design and drawn.get("design") == section.design else None
