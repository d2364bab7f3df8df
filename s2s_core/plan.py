"""What is tried on a pilot section to find out how sparsely its tissue can be sampled."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields

import numpy as np

from s2s_core.config import preset
from s2s_core.errors import S2SError
from s2s_core.masks import BUDGETED
from s2s_core.masks.spec import budget
from s2s_core.methods import method
from s2s_core.pilot import check_size
from s2s_core.section import MIN_MEASURED, Section

DRAFT, FINAL = "programme-kriging", "s2s"


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
    budgets: tuple[float, ...] = (0.1, 0.25, 0.5)
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
            if not 0 < share < 1:
                raise S2SError(f"A budget must be above 0 and below 100 %, found {share:.0%}.")
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
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})


def _check_count(share: float, total: int) -> None:
    """Refuse a budget of too few spots to impute from, or of all of them."""
    # As designs count it.
    count = budget(f"{share:g}", total)
    if count < MIN_MEASURED:
        least = np.ceil(1000 * MIN_MEASURED / total) / 10
        raise S2SError(
            f"A budget of {100 * share:g} % is {count} of {total:,} spots, and imputation needs at "
            f"least {MIN_MEASURED}; choose budgets of {least:g} % or more."
        )
    if count == total:
        raise S2SError(
            f"A budget of {100 * share:g} % is all {total:,} spots, and nothing is left to impute; "
            "choose a smaller one."
        )
