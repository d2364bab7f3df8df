"""Repetition of a run: its command line, and a record of its inputs and settings."""

from __future__ import annotations

import shlex

from s2s_core.config import PRESETS, preset
from s2s_core.data.additions import ADDED_KEY
from s2s_core.data.provenance import INPUT_KEY, mask_seed
from s2s_core.data.result import Result
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.sampling.apply import sample
from s2s_core.sampling.registry import DESIGNS

MOST_GENES_NAMED = 12


def command(result: Result) -> str | None:
    """Command line that runs the same again from the input file, or None where none can say it.

    Painted and uploaded masks, spots that were added later and settings that are no preset have
    no such line: for them there is the bundle (:mod:`s2s_core.output.bundle`).
    """
    section, config = result.section, result.config
    source = (section.uns.get(INPUT_KEY) or {}).get("file")
    same = config.preset in PRESETS and config == preset(
        config.preset,
        method=config.method,
        compare=config.compare,
        answer=config.answer,
        seed=config.seed,
        device=config.device,
        threads=config.threads,
    )
    how = _situation(result)
    if not source or not same or how is None:
        return None
    words = ["python", "-m", "s2s_core", "impute", source, "--out", "result", *how]
    for name, value in reading(section).items():
        # Said with the situation; what was found out is found out again.
        if name != "measured" and value != "auto":
            words += [f"--{name.replace('_', '-')}", str(value)]
    words += ["--method", config.method, "--compare", ",".join(config.compare) or "none"]
    words += ["--preset", config.preset, "--answer", config.answer, "--seed", str(config.seed)]
    if config.device != "auto":
        words += ["--device", config.device]
    # Kept totals say that genes were chosen out of a larger table.
    if section.totals is not None:
        few = len(section.genes) <= MOST_GENES_NAMED
        words += ["--genes", ",".join(map(str, section.genes)) if few else "genes.txt"]
    return shlex.join(words)


def _situation(result: Result) -> list[str] | None:
    """Arguments that make the same mask, None where there are none."""
    section, column = result.section, reading(result.section).get("measured")
    name, _, argument = section.design.partition(":")
    if ADDED_KEY in section.uns:
        return None
    if name == "densify":
        return None if column else ["--densify", argument or "2"]
    if not section.design:
        if column is not None:
            return ["--measured", str(column)]
        return [] if (section.origin[~section.measured] == "gap").all() else None
    # What is hidden decides where scores are taken; a column takes the place of a mask.
    if name not in DESIGNS or name in ("obs", "csv") or column or not section.hidden.any():
        return None
    seed = mask_seed(section)
    seed = result.config.seed if seed is None else seed
    try:
        again = sample(section.everything_known(), section.design, seed)
    except S2SError:
        # Regions that were drawn have no text form.
        return None
    if (again.measured != section.measured).any():
        return None
    own = [] if seed == result.config.seed else ["--mask-seed", str(seed)]
    return ["--mask", section.design, *own]


def reading(section: Section) -> dict[str, str | float]:
    """Options the section's file was read with, by name; empty where they are not known."""
    return dict((section.uns.get(INPUT_KEY) or {}).get("options") or {})


def record(result: Result) -> dict[str, str]:
    """Record of a run for its repetition, in words: file, reading, mask, settings."""
    section, config = result.section, result.config
    source, seed = section.uns.get(INPUT_KEY) or {}, mask_seed(section)
    options = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in reading(section).items())
    rows = {
        "Input file": source.get("file"),
        "its SHA-256": source.get("sha256"),
        "read with": options,
        "Sampling design": section.design,
        "its seed": None if seed is None else str(seed),
        "Method": config.method,
        "compared with": ", ".join(config.compare),
        "Preset": config.preset,
        "Answer": config.answer,
        "Seed of the run": str(config.seed),
    }
    if ADDED_KEY in section.uns:
        rows["Added later"] = f"{int(section.uns[ADDED_KEY]):,} spots"
    return {name: str(value) for name, value in rows.items() if value}
