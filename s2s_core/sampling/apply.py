"""Applying a sampling design M_h to a section, on any lattice, seeded.

A design's text form is ``name[:argument][/option=value ...]``, e.g. ``lattice:2``,
``lattice:3@1,0`` (phase), ``lattice:2x3`` (rows x columns), ``hexlattice:7``, ``random:0.25``,
``poisson:0.25/must=tumour/avoid=fold`` (columns of the table), ``lattice:3/budget=0.1`` (brought
to exactly 10 %).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from s2s_core.data.added_positions import densify
from s2s_core.data.design_text import budget, integer, parse, spec_at_budget
from s2s_core.data.provenance import MASK_KEY
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.sampling.registry import BUDGETED, DESIGNS, Design
from s2s_core.sampling.stochastic import bring_to
from s2s_core.sampling.task import Task, densities, flags

if TYPE_CHECKING:
    from s2s_core.sampling.pilot import Pilot

# Not a design, but written as one: a map at S times the lattice density (see `densify`).
DENSIFY = "densify"


@dataclass(frozen=True)
class Allowance:
    """Spots that may be measured and spots that are, both (n,) bool, and how many in all."""

    allowed: np.ndarray
    include: np.ndarray
    count: int


def sample(
    section: Section,
    spec: str,
    seed: int = 0,
    *,
    must=None,
    avoid=None,
    density=None,
    region=None,
    pilot: Pilot | None = None,
) -> Section:
    """Apply a sampling design; positions it leaves out become hidden truth.

    Parameters
    ----------
    section : Section
    spec : str
        Text form of a design (see :data:`~s2s_core.sampling.registry.DESIGNS`);
        ``densify:S`` is the text form of :func:`~s2s_core.data.added_positions.densify`.
    seed : int
        Seed of the designs that make random draws.
    must, avoid : str or (n,) or (H, W) bool array, optional
        Spots that are always or never measured, as the options of the text form.
    density : str or (n,) or (H, W) array, optional
        Of the design ``density``.
    region : str or (n,) or (H, W) bool array, optional
        Of the design ``region``.
    pilot : Pilot, optional
        Of this section, where it was made already: informed designs need one.

    Raises
    ------
    S2SError
        If the design is unknown, its argument or an option is wrong, its budget is 0, above
        what there is or smaller than ``must``, or it measures nothing or everything.
    """
    parsed = parse(spec)
    if parsed.name == DENSIFY:
        return densify(section, integer(parsed.argument or "2", "densify factor", 2, 8))
    if parsed.name not in DESIGNS:
        raise S2SError(
            f"Unknown sampling design {spec!r}; choose one of "
            f"{', '.join(d.example for d in DESIGNS.values())}."
        )
    design = DESIGNS[parsed.name]
    arrays = {"must": must, "avoid": avoid, "density": density, "region": region}
    given = parsed.options | {k: v for k, v in arrays.items() if v is not None}
    _check_options(design, given)
    task = _task(section, design, parsed.argument or design.default, given, seed, pilot)
    mask = design.make(task)
    if design.kind == "periodic" and given:
        mask = bring_to(task, mask) if "budget" in given else mask & task.allowed | task.include
    return _sampled(section, mask, design, spec, given, seed)


def at_budget(
    section: Section, name: str, share: float, seed: int = 0, *, pilot: Pilot | None = None
) -> Section | None:
    """Apply a design so that it measures exactly ``share`` of the measured spots.

    Parameters
    ----------
    section : Section
    name : str
        Of a design that is periodic or takes a budget.
    share : float
        Above 0 and below 1.
    seed : int
    pilot : Pilot, optional
        Of this section, where it was made already.

    Returns
    -------
    Section or None
        None where the design cannot (no period of a periodic design comes near, a hexagonal part
        of a square lattice).

    Raises
    ------
    S2SError
        If there is no such design, or as :func:`sample`.
    """
    if name not in BUDGETED:
        raise S2SError(f"Unknown sampling design {name!r}; choose one of {', '.join(BUDGETED)}.")
    if name == "hexlattice" and section.grid.kind != "hex":
        return None
    spec = spec_at_budget(name, share, periodic=DESIGNS[name].kind == "periodic", seed=seed)
    return None if spec is None else sample(section, spec, seed, pilot=pilot)


def _check_options(design: Design, given: dict) -> None:
    for option in given:
        if option not in design.options:
            able = [d.name for d in DESIGNS.values() if option in d.options]
            raise S2SError(
                f"The design {design.name} takes no {option}; those that do: {', '.join(able)}."
            )


def _sampled(
    section: Section, mask: np.ndarray, design: Design, spec: str, given: dict, seed: int
) -> Section:
    """The section with the mask applied, its design and seed, and a note where it needs one."""
    arrays = [f"/{option}=array" for option, value in given.items() if not isinstance(value, str)]
    out = section.with_measured(mask & section.measured, spec + "".join(arrays))
    if not out.hidden.any() and section.known.all():
        raise S2SError(
            f"The mask {spec!r} measures every spot, so nothing is hidden to impute; choose a "
            "sparser design."
        )
    notes = section.notes
    if design.looks_at_values(given):
        note = (
            f"The design {spec} follows the values of this very section: scores at hidden spots "
            "say how it does on a section like its pilot, not on a new one."
        )
        notes = (*notes, note)
    drawn = {"design": out.design, "seed": int(seed)}
    return replace(out, notes=notes, uns={**section.uns, MASK_KEY: drawn})


def _task(
    section: Section, design: Design, argument: str, given: dict, seed: int, pilot: Pilot | None
) -> Task:
    text = argument.partition("@")[0] if design.kind == "budget" else given.get("budget", "")
    spots = _allowance(section, given, text)
    return Task(
        section=section,
        argument=argument,
        rng=np.random.default_rng(seed),
        allowed=spots.allowed,
        include=spots.include,
        count=spots.count,
        density=densities(section, given["density"]) if "density" in given else None,
        region=flags(section, given["region"], "region") if "region" in given else None,
        pilot=pilot,
    )


def _allowance(section: Section, given: dict, budget_text: str) -> Allowance:
    """Spots that may and that must be measured, and the budget; 0 for designs without one."""
    allowed, include = section.measured.copy(), np.zeros(section.n_positions, bool)
    if "avoid" in given:
        allowed &= ~flags(section, given["avoid"], "region to avoid")
    if "must" in given:
        include = flags(section, given["must"], "set of spots to include") & section.measured
        if (include & ~allowed).any():
            raise S2SError(
                f"{int((include & ~allowed).sum())} spots must be measured and must be avoided at "
                "the same time; take them out of one of the two."
            )
    if not budget_text:
        return Allowance(allowed, include, 0)
    total = int(section.measured.sum())
    count = budget(budget_text, total)
    if count == 0:
        raise S2SError(
            f"A budget of {budget_text} measures no spot: it is less than one of {total} spots; "
            "choose a denser design."
        )
    if include.sum() > count:
        raise S2SError(
            f"{int(include.sum())} spots must be measured, more than the budget of {count} spots; "
            "raise the budget or include fewer."
        )
    if count > allowed.sum():
        raise S2SError(
            f"Only {int(allowed.sum())} spots may be measured, fewer than the budget of {count}; "
            "lower the budget or avoid fewer."
        )
    return Allowance(allowed, include, count)
