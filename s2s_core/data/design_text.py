"""The text form of a sampling design: ``name[:argument][/option=value ...]``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from s2s_core.errors import S2SError

# must, avoid: spots that are always or never measured; density, region: what some designs
# follow; budget: how many spots a periodic design measures exactly.
OPTIONS = ("must", "avoid", "density", "region", "budget")
_OPTION = re.compile(rf"/(?=(?:{'|'.join(OPTIONS)})=)")
# Ends the design of a section to which spots were added after a run.
BATCH = "+batch"


@dataclass(frozen=True)
class Spec:
    """A design's name, its argument ("" for the default) and its options."""

    name: str
    argument: str = ""
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Decimation:
    """A lattice mask: pixels [phase_row::stride, phase_col::stride] are measured."""

    stride: int
    phase: tuple[int, int] = (0, 0)


def parse(text: str) -> Spec:
    """Read a design's text form."""
    head, *options = _OPTION.split(text)
    name, _, argument = head.partition(":")
    pairs = (option.partition("=") for option in options)
    return Spec(name, argument, {key: value for key, _, value in pairs})


def decimation(text: str) -> Decimation | None:
    """Stride and phase of a plain lattice design with equal strides, else None.

    A lattice to which spots were added (:data:`BATCH`) is none any more.
    """
    spec = parse(text)
    if spec.name != "lattice" or spec.options or text.endswith(BATCH):
        return None
    rows, cols, phase = strides(spec.argument)
    return Decimation(rows, phase) if rows == cols else None


def strides(argument: str) -> tuple[int, int, tuple[int, int]]:
    """Row stride, column stride and phase of ``S``, ``RxC`` or either with ``@row,col``."""
    stride, _, phase = argument.partition("@")
    rows, by, cols = (stride or "2").partition("x")
    low = 1 if by else 2
    first = integer(rows, "row stride" if by else "stride", low, 64)
    second = integer(cols, "column stride", low, 64) if by else first
    if first * second == 1:
        raise S2SError("A lattice of stride 1x1 measures every spot; choose a larger stride.")
    row, _, col = phase.partition(",")
    return (
        first,
        second,
        (
            integer(row, "row phase", 0, first - 1) if row else 0,
            integer(col, "column phase", 0, second - 1) if col else 0,
        ),
    )


def integer(text: str, what: str, low: int, high: int) -> int:
    """Whole number within bounds.

    Raises
    ------
    S2SError
    """
    try:
        value = int(text)
    except ValueError:
        raise S2SError(f"The {what} must be a whole number, found {text!r}.") from None
    if not low <= value <= high:
        raise S2SError(f"The {what} must be between {low} and {high}, found {value}.")
    return value


def fraction(text: str) -> float:
    """Share of spots, ``0.25`` or ``25%``.

    Raises
    ------
    S2SError
        If it is no number, 0 or less, or 100 % or more.
    """
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise S2SError(f"The fraction must be a number, found {text!r}.") from None
    if not 0 < value < 1:
        raise S2SError(
            f"The fraction of measured spots must be above 0 and below 1, found {value:g}."
        )
    return value


def budget(text: str, total: int) -> int:
    """Number of spots a budget pays for: a share of ``total`` (``0.25``, ``25%``) or ``120spots``.

    Raises
    ------
    S2SError
        If it is no budget, is 0, or is more than there is.
    """
    if not text.endswith("spots"):
        return round(fraction(text) * total)
    count = integer(text.removesuffix("spots").strip(), "budget in spots", 1, 10**9)
    if count > total:
        raise S2SError(
            f"A budget of {count} spots is more than the {total} spots there are; choose fewer."
        )
    return count


def hexagonal_shift(index: int) -> tuple[int, int]:
    """Shift (a, b) with a^2 + ab + b^2 = ``index``: such a part of a hexagonal lattice is hexagonal.

    Raises
    ------
    S2SError
        If there is none.
    """
    for a in range(1, 9):
        for b in range(a + 1):
            if a * a + a * b + b * b == index:
                return a, b
    possible = ", ".join(map(str, HEXAGONAL_PARTS))
    raise S2SError(f"No hexagonal lattice is 1/{index} of another; choose one of {possible}.")


HEXAGONAL_PARTS = sorted(
    {a * a + a * b + b * b for a in range(1, 9) for b in range(a + 1)} & set(range(2, 65))
)


def spec_at_budget(name: str, share: float, *, periodic: bool, seed: int = 0) -> str | None:
    """Text form of a design that measures exactly ``share`` of the spots.

    Periodic designs take the period that comes closest, with the phase drawn by ``seed``
    (0: none), and are then brought to the exact number. None where no period comes within a
    third of the budget: it would be another design.
    """
    if not periodic:
        return f"{name}:{share:g}"
    rng = np.random.default_rng(seed)

    def phase(size: int) -> int:
        return int(rng.integers(size)) if seed else 0

    if name == "checkerboard":
        forms = {2: f"{phase(2)}"}
    elif name == "lattice":
        pairs = [(r, c) for r in range(1, 17) for c in (r, r + 1) if r * c > 1]
        forms = {r * c: f"{r}x{c}@{phase(r)},{phase(c)}" for r, c in pairs}
    elif name == "hexlattice":
        forms = {index: f"{index}@{phase(index)}" for index in HEXAGONAL_PARTS}
    else:
        forms = {period: f"{period}@{phase(period)}" for period in range(2, 65)}
    best = min(forms, key=lambda period: abs(np.log(period * share)))
    if not 0.75 < 1 / (best * share) < 4 / 3:
        return None
    return f"{name}:{forms[best]}/budget={share:g}"
