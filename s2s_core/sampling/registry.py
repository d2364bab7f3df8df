"""The sampling designs M_h: which there are, what each takes and how it is made.

A design is one function and a line of :data:`DESIGNS`; the command line, the app and the tests
find it there, and :func:`s2s_core.sampling.apply.sample` applies it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from s2s_core.sampling import informed, regular, stochastic
from s2s_core.sampling.task import Task

# What the text form of every design that is made here may add, and of every periodic one.
MASK_OPTIONS = ("must", "avoid")
PERIODIC_OPTIONS = (*MASK_OPTIONS, "budget")


@dataclass(frozen=True)
class Design:
    """One sampling design of the registry.

    Attributes
    ----------
    name, label : str
        In the text form; for the screen.
    argument, default, example : str
        The argument in words, its default, a whole text form.
    make : callable
        Task -> (n,) bool mask.
    kind : {"periodic", "budget", "table"}
        Repeats with a period; measures exactly a budget; comes from a table.
    options : tuple of str
        Options of the text form that it takes.
    seeded : bool
        Makes seeded random draws: another seed gives another mask.
    informed : bool
        Looks at the section's values (a pilot) unless an option of its own name says what to
        follow.
    """

    name: str
    label: str
    argument: str
    default: str
    example: str
    make: Callable[[Task], np.ndarray]
    kind: str = "budget"
    options: tuple[str, ...] = ()
    seeded: bool = False
    informed: bool = False

    def looks_at_values(self, given: dict) -> bool:
        """Whether the spots chosen depend on the values at all spots of the section.

        A range (design ``active``) is one number of the whole section and not counted.
        """
        return self.informed and self.name not in given


DESIGNS = {
    design.name: design
    for design in (
        Design(
            name="lattice",
            label="Lattice (every S-th row and column)",
            argument="stride S, or rows x columns",
            default="2",
            example="lattice:2",
            make=regular.lattice,
            kind="periodic",
            options=PERIODIC_OPTIONS,
        ),
        Design(
            name="hexlattice",
            label="Hexagonal part of a hexagonal lattice",
            argument="one spot in 3, 4, 7, ...",
            default="4",
            example="hexlattice:4",
            make=regular.hexlattice,
            kind="periodic",
            options=PERIODIC_OPTIONS,
        ),
        Design(
            name="checkerboard",
            label="Checkerboard",
            argument="phase 0 or 1",
            default="0",
            example="checkerboard",
            make=regular.checkerboard,
            kind="periodic",
            options=PERIODIC_OPTIONS,
        ),
        Design(
            name="random",
            label="Random",
            argument="fraction measured",
            default="0.25",
            example="random:0.25",
            make=stochastic.random,
            seeded=True,
            options=MASK_OPTIONS,
        ),
        Design(
            name="stratified",
            label="Stratified (one random spot in each part)",
            argument="fraction measured",
            default="0.25",
            example="stratified:0.25",
            make=stochastic.stratified,
            seeded=True,
            options=MASK_OPTIONS,
        ),
        Design(
            name="stripes",
            label="Stripes (every S-th row)",
            argument="period S, or period x width",
            default="2",
            example="stripes:2",
            make=regular.stripes,
            kind="periodic",
            options=PERIODIC_OPTIONS,
        ),
        Design(
            name="columns",
            label="Columns (every S-th column)",
            argument="period S, or period x width",
            default="2",
            example="columns:2",
            make=regular.columns,
            kind="periodic",
            options=PERIODIC_OPTIONS,
        ),
        Design(
            name="poisson",
            label="Poisson disc (random, evenly spread)",
            argument="fraction measured",
            default="0.25",
            example="poisson:0.25",
            make=stochastic.poisson,
            seeded=True,
            options=MASK_OPTIONS,
        ),
        Design(
            name="density",
            label="Poisson disc, denser where it matters",
            argument="fraction measured",
            default="0.25",
            example="density:0.25/density=COLUMN",
            make=informed.density,
            seeded=True,
            informed=True,
            options=(*MASK_OPTIONS, "density"),
        ),
        Design(
            name="region",
            label="A region in full, its surroundings sparsely",
            argument="fraction measured",
            default="0.25",
            example="region:0.25/region=COLUMN",
            make=informed.region,
            seeded=True,
            informed=True,
            options=(*MASK_OPTIONS, "region"),
        ),
        Design(
            name="leverage",
            label="Leverage (spots of unusual profile)",
            argument="fraction measured",
            default="0.25",
            example="leverage:0.25",
            make=informed.leverage,
            seeded=True,
            informed=True,
            options=MASK_OPTIONS,
        ),
        Design(
            name="active",
            label="Active (least kriging variance)",
            argument="fraction measured[@range]",
            default="0.25",
            example="active:0.25",
            make=informed.active,
            seeded=True,
            options=MASK_OPTIONS,
        ),
        Design(
            name="obs",
            label="A column of the table",
            argument="column name",
            default="measured",
            example="obs:COLUMN",
            make=regular.obs_column,
            kind="table",
        ),
        Design(
            name="csv",
            label="A CSV of spot ids",
            argument="file",
            default="",
            example="csv:FILE",
            make=regular.csv_file,
            kind="table",
        ),
    )
}
# Designs that can be asked for a number of spots.
BUDGETED = tuple(name for name, design in DESIGNS.items() if design.kind != "table")
