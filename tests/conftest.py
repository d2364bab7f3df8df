"""Fixtures: made sections on every kind of grid, and real ones where they are at hand."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from s2s_core.data.assemble import assemble
from s2s_core.data.observation import Observation, observe
from s2s_core.data.section import Section
from s2s_core.geostat.first_estimate import FirstEstimate, fit_first_estimate
from s2s_core.sampling.apply import sample
from tests.made import made_points, made_section
from tests.tiny import tiny_config


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser or real sections, by what it uses."""
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker("browser")
        if "data_dir" in getattr(item, "fixturenames", ()):
            item.add_marker("data")


@pytest.fixture
def square() -> Section:
    """10 x 12 square lattice, 120 spots, 6 genes."""
    return made_section("square")


@pytest.fixture
def hexagonal() -> Section:
    """12 x 10 hexagonal lattice with odd parity and indices that do not start at 0."""
    return made_section("hex", 12, 10, row0=3, col0=2, parity=1)


@pytest.fixture(params=["square", "hexagonal"])
def lattice(request) -> Section:
    """Both lattices in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def points() -> Section:
    """900 scattered cells, binned."""
    counts, obs, var, xy = made_points()
    return assemble(counts, obs=obs, var=var, xy=xy)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real sections: environment variable S2S_DATA, or ../shared/data."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("S2S_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real sections here: set S2S_DATA to a folder that holds them")
    return folder


@pytest.fixture(scope="session")
def uneven() -> Observation:
    """Six genes with patterns at 154 spots of a square lattice; every other one is shallow."""
    obs = observe(sample(made_section("square", 16, 16), "random:0.6", seed=2))
    return replace(obs, noise=np.where(np.arange(len(obs.pixels)) % 2, 0.25, 5.0))


@pytest.fixture(scope="session")
def uneven_first_estimate(uneven) -> FirstEstimate:
    """First estimate of it."""
    return fit_first_estimate(uneven, 4, 0)


@pytest.fixture(scope="session")
def source(uneven):
    """The compact engine's training material of it; not to be changed."""
    from s2s_core.network.programme_source import ProgrammeSource

    config = tiny_config()
    return ProgrammeSource(uneven, config.train, programmes=config.programmes, seed=config.seed)
