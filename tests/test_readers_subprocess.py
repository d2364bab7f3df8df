"""Reading in a process of its own: the same section, the same sentences, and no way down."""

import numpy as np
import pytest

from s2s_core.errors import S2SError, SeveralSections
from s2s_core.readers import read, subprocess_reader
from s2s_core.readers.subprocess_reader import read_in_subprocess
from tests import made_cells
from tests import made_files as made

pytestmark = pytest.mark.slow


def test_a_section_read_apart_is_the_same(tmp_path):
    folder = made.space_ranger(tmp_path / "run")
    here, there = read(folder), read_in_subprocess(folder)
    assert (here.counts != there.counts).nnz == 0
    assert there.obs.equals(here.obs)
    assert there.var.equals(here.var)
    assert there.notes == here.notes
    assert np.array_equal(there.xy, here.xy)
    assert there.uns["s2s_input"] == here.uns["s2s_input"]
    image = there.uns["spatial"]["made_library"]["images"]["hires"]
    assert np.array_equal(image, here.uns["spatial"]["made_library"]["images"]["hires"])


def test_options_and_several_files_pass_through(tmp_path):
    files = sorted(made_cells.xenium(tmp_path / "x").iterdir())
    section = read_in_subprocess(files, bin_size=25.0, absent="background")
    assert section.grid.pitch == 25.0
    assert set(section.origin) == {"spot"}


def test_sentences_pass_through(tmp_path):
    (tmp_path / "bad.h5ad").write_bytes(b"nothing of use")
    with pytest.raises(S2SError, match=r"'bad\.h5ad' is not an AnnData file"):
        read_in_subprocess(tmp_path / "bad.h5ad")


def test_a_file_that_brings_the_process_down_is_one_sentence(tmp_path, monkeypatch):
    made.spots_table().to_csv(tmp_path / "t.csv")
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nkill -SEGV $$\n")
    script.chmod(0o755)
    monkeypatch.setattr(subprocess_reader.sys, "executable", str(script))
    with pytest.raises(S2SError, match=r"'t\.csv' could not be read"):
        read_in_subprocess(tmp_path / "t.csv")


def test_an_error_keeps_its_class_and_what_it_knows(tmp_path, monkeypatch):
    made.spots_table().to_csv(tmp_path / "t.csv")

    def several(*_, **__):
        raise SeveralSections("Two sections; choose one.", "library_id", {"A": 3, "B\u00e9": 4})

    def in_this_process(command, *_, **__):
        monkeypatch.setattr(subprocess_reader, "read", several)
        subprocess_reader.main(subprocess_reader.Path(command[-1]))
        return 0

    monkeypatch.setattr(subprocess_reader, "run_bounded", in_this_process)
    with pytest.raises(SeveralSections, match="^Two sections; choose one.$") as caught:
        read_in_subprocess(tmp_path / "t.csv")
    assert caught.value.column == "library_id"
    assert caught.value.values == {"A": 3, "B\u00e9": 4}
