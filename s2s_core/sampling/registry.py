"""Sampling designs M_h: which tissue positions are measured, on any lattice, seeded.

A design is one function and a line of the registry; the command line, the app and the tests
find it there. Its text form is ``name[:argument][/option=value ...]``, e.g. ``lattice:2``,
``lattice:3@1,0`` (phase), ``lattice:2x3`` (rows x columns), ``hexlattice:7``, ``random:0.25``,
``poisson:0.25/must=tumour/avoid=fold`` (columns of the table), ``lattice:3/budget=0.1`` (brought
to exactly 10 %).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from s2s_core.data.added_positions import densify
from s2s_core.data.design_text import (
    BATCH,
    Decimation,
    budget,
    decimation,
    integer,
    parse,
    spec_at_budget,
)
from s2s_core.data.mask_table import as_bool, mask_from_table, mask_table, read_mask_table
from s2s_core.data.provenance import MASK_KEY, mask_seed
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.sampling import informed
from s2s_core.sampling import regular as designs
from s2s_core.sampling import stochastic as spread
from s2s_core.sampling.task import Task, densities, flags

__all__ = [
    "BATCH",
    "DESIGNS",
    "Decimation",
    "Design",
    "as_bool",
    "at_budget",
    "decimation",
    "mask_from_table",
    "mask_seed",
    "mask_table",
    "read_mask_table",
    "sample",
]


@dataclass(frozen=True)
class Design:
    """One sampling design of the registry.

    Attributes
    ----------
    name, label : str
        In the text form; for the screen.
    argument, default, example : str
        What the argument is in words, its default, a whole text form.
    make : callable
        Task -> (n,) bool mask.
    kind : {"periodic", "budget", "table"}
        Repeats with a period; measures exactly a budget; comes from a table.
    seeded : bool
        Draws lots: another seed gives another mask.
    informed : bool
        Looks at the section's values (a pilot) unless it is told what to follow.
    """

    name: str
    label: str
    argument: str
    default: str
    example: str
    make: Callable[[Task], np.ndarray]
    kind: str = "budget"
    seeded: bool = False
    informed: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the text form that it takes."""
        if self.kind == "table":
            return ()
        own = {"density": ("density",), "region": ("region",)}.get(self.name, ())
        return ("must", "avoid", *own, *(("budget",) if self.kind == "periodic" else ()))


def sample(
    section: Section,
    spec: str,
    seed: int = 0,
    *,
    must=None,
    avoid=None,
    density=None,
    region=None,
    pilot=None,
) -> Section:
    """Apply a sampling design; positions it leaves out become hidden truth.

    Parameters
    ----------
    section : Section
    spec : str
        Text form of a design (see :data:`DESIGNS`), or ``densify:S``.
    seed : int
        Seed of the designs that draw lots.
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
    if parsed.name == "densify":
        return densify(section, integer(parsed.argument or "2", "densify factor", 2, 8))
    if parsed.name not in DESIGNS:
        raise S2SError(
            f"Unknown sampling design {spec!r}; choose one of "
            f"{', '.join(d.example for d in DESIGNS.values())}."
        )
    design = DESIGNS[parsed.name]
    arrays = {"must": must, "avoid": avoid, "density": density, "region": region}
    given = parsed.options | {k: v for k, v in arrays.items() if v is not None}
    for option in given:
        if option not in design.options:
            able = [d.name for d in DESIGNS.values() if option in d.options]
            raise S2SError(
                f"The design {design.name} takes no {option}; those that do: {', '.join(able)}."
            )
    task = _task(section, design, parsed.argument or design.default, given, seed, pilot)
    mask = design.make(task)
    if design.kind == "periodic" and given:
        mask = spread.bring_to(task, mask) if "budget" in given else mask & task.allowed | task.must
    words = [f"/{k}=array" for k, v in given.items() if not isinstance(v, str)]
    out = section.with_measured(mask & section.measured, spec + "".join(words))
    if not out.hidden.any() and not (~section.known).any():
        raise S2SError(
            f"The mask {spec!r} measures every spot, so nothing is hidden to impute; choose a "
            "sparser design."
        )
    out = replace(out, uns={**out.uns, MASK_KEY: {"design": out.design, "seed": int(seed)}})
    if looks_at_values(design, given):
        note = (
            f"The design {spec} follows the values of this very section: scores at hidden spots "
            "say how it does on a section like its pilot, not on a new one."
        )
        out = replace(out, notes=(*section.notes, note))
    return out


def at_budget(
    section: Section, name: str, share: float, seed: int = 0, *, pilot=None
) -> Section | None:
    """Apply a design so that it measures exactly ``share`` of the measured spots.

    None where the design cannot (no period of a periodic design comes near, a hexagonal part of
    a square lattice).
    """
    if name not in DESIGNS or DESIGNS[name].kind == "table":
        raise S2SError(f"Unknown sampling design {name!r}; choose one of {', '.join(BUDGETED)}.")
    if name == "hexlattice" and section.grid.kind != "hex":
        return None
    spec = spec_at_budget(name, share, periodic=DESIGNS[name].kind == "periodic", seed=seed)
    return None if spec is None else sample(section, spec, seed, pilot=pilot)


def looks_at_values(design: Design, given: dict) -> bool:
    """Whether the spots chosen depend on the values at all spots of the section.

    A range (design ``active``) is one number of the whole section and not counted.
    """
    return design.informed and design.name not in given


def _task(section: Section, design: Design, argument: str, given: dict, seed: int, pilot) -> Task:
    allowed, must = section.measured.copy(), np.zeros(section.n_positions, bool)
    if "avoid" in given:
        allowed &= ~flags(section, given["avoid"], "region to avoid")
    if "must" in given:
        must = flags(section, given["must"], "set of spots to include") & section.measured
        if (must & ~allowed).any():
            raise S2SError(
                f"{int((must & ~allowed).sum())} spots must be measured and must be avoided at the "
                "same time; take them out of one of the two."
            )
    count, total = 0, int(section.measured.sum())
    text = argument.partition("@")[0] if design.kind == "budget" else given.get("budget", "")
    if text:
        count = budget(text, total)
        if count == 0:
            raise S2SError(
                f"A budget of {text} measures no spot: it is less than one of {total} spots; choose "
                "a denser design."
            )
    if text and must.sum() > count:
        raise S2SError(
            f"{int(must.sum())} spots must be measured, more than the budget of {count} spots; raise "
            "the budget or include fewer."
        )
    if count > allowed.sum():
        raise S2SError(
            f"Only {int(allowed.sum())} spots may be measured, fewer than the budget of {count}; lower "
            "the budget or avoid fewer."
        )
    return Task(
        section,
        argument,
        np.random.default_rng(seed),
        allowed,
        must,
        count,
        densities(section, given["density"]) if "density" in given else None,
        flags(section, given["region"], "region") if "region" in given else None,
        pilot,
    )


DESIGNS = {
    design.name: design
    for design in (
        Design(
            "lattice",
            "Lattice (every S-th row and column)",
            "stride S, or rows x columns",
            "2",
            "lattice:2",
            designs.lattice,
            "periodic",
        ),
        Design(
            "hexlattice",
            "Hexagonal part of a hexagonal lattice",
            "one spot in 3, 4, 7, ...",
            "4",
            "hexlattice:4",
            designs.hexlattice,
            "periodic",
        ),
        Design(
            "checkerboard",
            "Checkerboard",
            "phase 0 or 1",
            "0",
            "checkerboard",
            designs.checkerboard,
            "periodic",
        ),
        Design(
            "random",
            "Random",
            "fraction measured",
            "0.25",
            "random:0.25",
            spread.random,
            seeded=True,
        ),
        Design(
            "stratified",
            "Stratified (one random spot in each part)",
            "fraction measured",
            "0.25",
            "stratified:0.25",
            spread.stratified,
            seeded=True,
        ),
        Design(
            "stripes",
            "Stripes (every S-th row)",
            "period S, or period x width",
            "2",
            "stripes:2",
            designs.stripes,
            "periodic",
        ),
        Design(
            "columns",
            "Columns (every S-th column)",
            "period S, or period x width",
            "2",
            "columns:2",
            designs.columns,
            "periodic",
        ),
        Design(
            "poisson",
            "Poisson disc (random, evenly spread)",
            "fraction measured",
            "0.25",
            "poisson:0.25",
            spread.poisson,
            seeded=True,
        ),
        Design(
            "density",
            "Poisson disc, denser where it matters",
            "fraction measured",
            "0.25",
            "density:0.25/density=COLUMN",
            informed.density,
            seeded=True,
            informed=True,
        ),
        Design(
            "region",
            "A region in full, its surroundings sparsely",
            "fraction measured",
            "0.25",
            "region:0.25/region=COLUMN",
            informed.region,
            seeded=True,
            informed=True,
        ),
        Design(
            "leverage",
            "Leverage (spots of unusual profile)",
            "fraction measured",
            "0.25",
            "leverage:0.25",
            informed.leverage,
            seeded=True,
            informed=True,
        ),
        Design(
            "active",
            "Active (least kriging variance)",
            "fraction measured[@range]",
            "0.25",
            "active:0.25",
            informed.active,
            seeded=True,
        ),
        Design(
            "obs",
            "A column of the table",
            "column name",
            "measured",
            "obs:COLUMN",
            designs.obs_column,
            "table",
        ),
        Design("csv", "A CSV of spot ids", "file", "", "csv:FILE", designs.csv_file, "table"),
    )
}
BUDGETED = tuple(name for name, design in DESIGNS.items() if design.kind != "table")
