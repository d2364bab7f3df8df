"""What is tried on a pilot section to find out how sparsely its tissue can be sampled."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from s2s_core.config import preset
from s2s_core.data.design_text import budget
from s2s_core.data.section import MIN_MEASURED, Section
from s2s_core.errors import S2SError
from s2s_core.methods import method
from s2s_core.sampling.pilot import check_size
from s2s_core.sampling.registry import BUDGETED
from s2s_core.studies.budget_curve import LARGEST_BUDGET, in_percent

DRAFT, FINAL = "programme-kriging", "s2s"
FIRST_BUDGETS = (0.1, 0.25, 0.5)
HOW_TO_WRITE = "separate budgets by a comma and a space, or by a semicolon: 10, 12.5, 25"


def smallest_budget(n_spots: int) -> float:
    """Smallest share of a pilot's spots that a map is imputed from, rounded up to 0.1 %."""
    return -(-1000 * MIN_MEASURED // max(n_spots, 1)) / 1000


def first_budgets(n_spots: int) -> tuple[float, ...]:
    """Shares to begin with on a pilot of so many spots."""
    return tuple(share for share in FIRST_BUDGETS if share >= smallest_budget(n_spots))


def budgets_text(budgets: tuple[float, ...]) -> str:
    """Shares as :func:`read_budgets` reads them."""
    return ", ".join(in_percent(share).removesuffix("%") for share in budgets)


def read_budgets(text: str, n_spots: int) -> tuple[float, ...]:
    """Read budgets in per cent, e.g. ``10, 12.5, 25``.

    A comma between two digits may separate or be a decimal comma: one alone is refused, several
    cannot belong to one number.

    Parameters
    ----------
    text : str
    n_spots : int
        Measured spots of the pilot.

    Returns
    -------
    tuple of float
        Shares (0..1), each once, smallest first.

    Raises
    ------
    S2SError
        For the first budget that cannot be read or tested.
    """
    words = []
    for part in re.split(r";|,\s+|,$", text.replace("%", " ").strip()):
        word = part.strip()
        if word.count(",") == 1 and re.fullmatch(r"[\d.]+,[\d.]+", word):
            one, other = word.split(",")
            raise S2SError(
                f"{word!r} can be one number or two; write {one}.{other} for one, and for two "
                f"{one}; {other}."
            )
        words += [w.strip() for w in word.split(",") if w.strip()]
    if not words:
        raise S2SError("Name at least one budget in per cent of the spots, e.g. 10, 25, 50.")
    return tuple(sorted({_budget(word, n_spots) for word in words}))


def _budget(word: str, n_spots: int) -> float:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", word):
        raise S2SError(f"A budget is a number of per cent, found {word!r}; {HOW_TO_WRITE}.")
    percent = float(word)
    share = round(percent / 100, 6)
    _check_range(percent)
    _check_count(share, n_spots)
    if share > LARGEST_BUDGET:
        raise S2SError(
            f"A budget of {percent:.4g} % is above the largest, {100 * LARGEST_BUDGET:.0f} %: too "
            "few spots would be left to score the map at."
        )
    return share


@dataclass(frozen=True)
class Plan:
    """What is tried on a pilot.

    Attributes
    ----------
    designs : tuple of str
        Names of the design registry (those with a budget).
    budgets : tuple of float
        Shares (0..1) of the pilot's spots.
    seeds : int
        Draws of each design and budget; periodic designs take another phase.
    engine : str
        A name of the method registry: ``programme-kriging`` for a draft, ``s2s`` for the plan.
    preset : str
        Of the network.
    genes : tuple of str or None
        Genes that are scored; all when None. All genes of the section are imputed either way.
    """

    designs: tuple[str, ...] = ("lattice", "hexlattice", "poisson", "random", "active")
    budgets: tuple[float, ...] = FIRST_BUDGETS
    seeds: int = 3
    engine: str = DRAFT
    preset: str = "fast"
    genes: tuple[str, ...] | None = None

    @property
    def n_cases(self) -> int:
        """How many sections are imputed: designs times budgets times draws."""
        return len(self.designs) * len(self.budgets) * self.seeds

    def check(self, section: Section) -> None:
        """Refuse what cannot be run, with a sentence.

        Raises
        ------
        S2SError
        """
        check_size(section)
        method(self.engine)
        preset(self.preset)
        for name in self.designs:
            if name not in BUDGETED:
                raise S2SError(
                    f"Unknown sampling design {name!r}; choose from {', '.join(BUDGETED)}."
                )
        for share in self.budgets:
            _check_range(100 * share)
        if not self.designs or not self.budgets or self.seeds < 1:
            raise S2SError("Nothing is planned: name a design, a budget and at least one draw.")
        if self.genes is not None:
            section.subset_genes(self.genes)
        for share in self.budgets:
            _check_count(share, int(section.measured.sum()))

    def to_json(self) -> str:
        """Readable JSON of the plan."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read :meth:`to_json` back; unknown keys are refused.

        Raises
        ------
        S2SError
        """
        data = json.loads(text)
        unknown = set(data) - {f.name for f in fields(cls)}
        if unknown:
            raise S2SError(f"Unknown setting {sorted(unknown)[0]!r} in the plan.")
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in data.items()
        }
        return cls(**values)


def _check_range(percent: float) -> None:
    if not 0 < percent < 100:
        raise S2SError(f"A budget must be above 0 and below 100 %, found {percent:.4g} %.")


def _check_count(share: float, total: int) -> None:
    """Refuse a budget of too few spots to impute from, or of all of them."""
    # As designs count it.
    count = budget(f"{share:g}", total)
    if count < MIN_MEASURED:
        hint = f" (write {1e4 * share:.4g} for {1e4 * share:.4g} %)" if share < 0.01 else ""
        raise S2SError(
            f"A budget of {100 * share:.4g} % is {count} of {total:,} spots, and imputation needs at "
            f"least {MIN_MEASURED}; choose budgets of "
            f"{100 * smallest_budget(total):.4g} % or more{hint}."
        )
    if count == total:
        raise S2SError(
            f"A budget of {100 * share:g} % is all {total:,} spots, and nothing is left to impute; "
            "choose a smaller one."
        )
