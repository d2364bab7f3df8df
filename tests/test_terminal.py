"""The terminal: Ctrl-C asks once and then ends, and a bar stands where the run stands."""

import signal

import pytest

from s2s_core.cli.terminal import Bar, Stop
from s2s_core.interfaces import Progress
from s2s_core.vocabulary import Phase


def test_the_first_ctrl_c_asks_and_the_second_ends(capsys):
    before = signal.getsignal(signal.SIGINT)
    with Stop() as stop:
        assert not stop.asked()
        signal.raise_signal(signal.SIGINT)
        assert stop.asked()
        assert "Stopping after this step" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    # Afterwards Ctrl-C is what it was.
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("asked", [False, True])
def test_ctrl_c_is_given_back(asked):
    before = signal.getsignal(signal.SIGINT)
    with Stop():
        assert signal.getsignal(signal.SIGINT) is not before
        if asked:
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_bar_is_where_the_run_is(capsys):
    with Bar() as bar:
        for step in (1, 2, 5, 5, 9):
            bar.show(Progress(Phase.TRAINING, step, 8, 90.0))
            assert bar._bar.n == min(step, 8)
        assert "01:30 left" in bar._bar.postfix
        bar.show(Progress(Phase.TRAINING, 8, 8, 0.0))
        assert "00:00 left" in bar._bar.postfix
        first = bar._bar
        bar.show(Progress(Phase.PREDICTING, 0, 1))
        assert bar._bar is not first
        assert bar._bar.n == 0
    assert bar._bar is None
    assert "Training 100%" in capsys.readouterr().err
