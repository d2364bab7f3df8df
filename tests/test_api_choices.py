"""What a notebook asks for is what is run."""

from pathlib import Path

import pytest

from s2s_core import imputation
from s2s_core.api import evaluate, impute
from s2s_core.config import preset
from s2s_core.errors import S2SError
from s2s_core.sampling.apply import sample


class Asked(Exception):
    """A run was asked for."""


@pytest.fixture
def asked(monkeypatch):
    def note(section, config, **more):
        raise Asked(section, config, more)

    monkeypatch.setattr(imputation, "run", note)

    def ask(*args, call=impute, **named):
        with pytest.raises(Asked) as found:
            call(*args, **named)
        return found.value.args

    return ask


def test_every_choice_arrives(square, asked):
    section, config, more = asked(
        square,
        preset="balanced",
        method="kriging",
        genes="Gene3",
        compare=["linear"],
        answer="median",
        seed=5,
        device="cpu",
        threads=2,
        folder="out",
        resume=True,
    )
    assert config == preset(
        "balanced",
        method="kriging",
        compare=("linear",),
        answer="median",
        seed=5,
        device="cpu",
        threads=2,
    )
    assert list(section.genes) == ["Gene3"]
    # Normalised by all that was counted, whatever the panel.
    assert section.spot_totals == pytest.approx(square.spot_totals)
    assert more["folder"] == Path("out")
    assert more["resume"] is True
    assert asked(square)[2]["resume"] is False
    assert asked(square)[1] == preset("fast")


def test_a_configuration_of_ones_own_is_taken_as_it_is(square, asked):
    own = preset("fast", seed=9, coverage=0.5)
    assert asked(square, config=own, seed=1, method="linear")[1] is own


def test_methods_are_compared_in_their_order(square, asked):
    hidden = sample(square, "checkerboard")
    config = asked(hidden, call=evaluate, methods=["kriging", "linear", "kriging"], seed=4)[1]
    assert (config.method, config.compare, config.seed) == ("kriging", ("linear",), 4)
    with pytest.raises(S2SError, match="No spot is hidden"):
        evaluate(square)
