import pytest

from s2s_core.errors import S2SError
from s2s_core.limits import Limits

NAMES = ("MAX_UPLOAD_MB", "MAX_VALUES", "MAX_SPOTS", "MAX_HOURS", "KEEP_DAYS")


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(f"S2S_{name}", raising=False)


def test_limits_without_a_word_from_the_environment():
    assert Limits.from_environment() == Limits(2000.0, 4e9, 200_000.0, 0.0, 30.0)
    assert Limits.from_environment().max_upload_bytes == 2_000_000_000


def test_every_limit_is_read_from_the_environment(monkeypatch):
    for value, name in enumerate(NAMES, start=1):
        monkeypatch.setenv(f"S2S_{name}", f" {value}e1 ")
    assert Limits.from_environment() == Limits(10.0, 20.0, 30.0, 40.0, 50.0)
    monkeypatch.setenv("S2S_MAX_SPOTS", "")
    assert Limits.from_environment().max_spots == 200_000.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["many", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_is_named(monkeypatch, name, text):
    monkeypatch.setenv(f"S2S_{name}", text)
    with pytest.raises(S2SError, match=f"S2S_{name} must be a number"):
        Limits.from_environment()


@pytest.mark.parametrize("name", NAMES)
def test_zero_switches_off_times_but_no_sizes(monkeypatch, name):
    monkeypatch.setenv(f"S2S_{name}", "0")
    if name in ("MAX_HOURS", "KEEP_DAYS"):
        assert getattr(Limits.from_environment(), name.lower()) == 0
    else:
        with pytest.raises(S2SError, match="above 0"):
            Limits.from_environment()
