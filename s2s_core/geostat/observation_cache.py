"""Caches of what was made of the observations seen last."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from s2s_core.data.observation import Observation
from s2s_core.geostat.variograms import Decompositions, spots_of

T = TypeVar("T")
# An observation and its four folds, and one more.
SIZE = 6


def positions_digest(obs: Observation) -> bytes:
    """Digest of where an observation was measured and how noisy its spots are."""
    return _digest(obs.lattice_xy(obs.pixels), obs.noise)


def observation_digest(obs: Observation) -> bytes:
    """Digest of all of an observation that an estimate depends on, its values included."""
    where = np.array([*obs.grid.shape, obs.grid.row0, obs.grid.col0, obs.grid.parity])
    arrays = obs.values, obs.noise, obs.pixels, obs.targets, obs.grid.tissue, where
    return obs.grid.kind.encode() + _digest(*arrays)


def _digest(*arrays: np.ndarray) -> bytes:
    """Hash of arrays with their shapes and types."""
    found = hashlib.blake2b(digest_size=20)
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.digest()


class ObservationCache(Generic[T]):
    """Least-recently-used cache of things made of observations.

    Parameters
    ----------
    digest : callable
        What of an observation the things depend on: :func:`observation_digest`, or
        :func:`positions_digest` where values play no part.
    size : int
        Things kept at most.
    """

    def __init__(self, digest: Callable[[Observation], bytes], size: int = SIZE) -> None:
        self._digest, self._size = digest, size
        self._made: OrderedDict[bytes, T] = OrderedDict()

    def get(self, obs: Observation, make: Callable[[Observation], T]) -> T:
        """``make(obs)``, or what it made before of an observation of the same digest."""
        key = self._digest(obs)
        if key not in self._made:
            self._made[key] = make(obs)
            if len(self._made) > self._size:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        return self._made[key]


class DecompositionCache:
    """Eigendecompositions at the spots of the observations seen last.

    They depend on positions and noise alone: other values at the same spots share them.
    """

    def __init__(self) -> None:
        self._cache: ObservationCache[Decompositions] = ObservationCache(positions_digest)

    def of(self, obs: Observation) -> Decompositions:
        """Decompositions of an observation's measured spots, made before or to be made."""
        return self._cache.get(obs, lambda seen: Decompositions(spots_of(seen)))
