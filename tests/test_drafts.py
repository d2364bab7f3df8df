"""Open sections survive a reload, and their ids are never trusted with a path."""

import os
import time

import numpy as np
import pytest

from s2s_core.errors import S2SError
from s2s_core.jobs import drafts


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("S2S_RUNS", str(tmp_path))
    return tmp_path


def test_a_kept_section_comes_back(lattice):
    section, name = drafts.find(drafts.keep(lattice, "my section"))
    assert name == "my section"
    np.testing.assert_array_equal(section.counts.toarray(), lattice.counts.toarray())


@pytest.mark.parametrize("wrong", ["", "..", "../x", "0123456789abcde", "0123456789ABCDEF", "a/b"])
def test_ids_are_checked_before_they_become_paths(wrong):
    with pytest.raises(S2SError, match="names no section"):
        drafts.find(wrong)


def test_what_is_gone_is_said_to_be_gone(square):
    with pytest.raises(S2SError, match="is gone"):
        drafts.find("0123456789abcdef")


def test_old_ones_are_deleted(square, runs):
    old, new = drafts.keep(square, "old"), drafts.keep(square, "new")
    then = time.time() - 3 * 86_400
    for path in (runs / "drafts").glob(f"{old}.*"):
        os.utime(path, (then, then))
    drafts.clear_away(2)
    assert drafts.find(new)[1] == "new"
    with pytest.raises(S2SError):
        drafts.find(old)
