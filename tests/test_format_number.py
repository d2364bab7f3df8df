import json
from types import MappingProxyType

import h5py
import numpy as np
import pytest

from s2s_core.data.format_number import FORMAT_KEY, UNNUMBERED, format_number
from s2s_core.data.result import load_result, save_result
from s2s_core.data.store import KEY, load_section, save_section
from s2s_core.errors import S2SError
from s2s_core.sampling.apply import sample
from tests.made import made_result


@pytest.mark.parametrize("number", [1, 2, 3, np.int64(3)])
def test_formats_up_to_the_newest_are_read(number):
    assert format_number({FORMAT_KEY: number, "more": "fields"}, 3, "The file") == number


def test_files_without_a_number_are_the_oldest():
    assert format_number(MappingProxyType({}), 3, "The file") == UNNUMBERED < 1


def test_a_newer_format_says_what_to_do():
    with pytest.raises(S2SError, match=r"The plan 'a' was written by a newer.*update the program"):
        format_number({FORMAT_KEY: 4}, 3, "The plan 'a'")


@pytest.mark.parametrize("number", ["2", None, True, -1, 1.0, [1]])
def test_what_is_no_number_is_refused(number):
    with pytest.raises(S2SError, match="damaged"):
        format_number(json.loads(json.dumps({FORMAT_KEY: number})), 3, "The file")


def renumber_section(path, number: int | None) -> None:
    """Give a saved section another format number; None takes it away."""
    with h5py.File(path, "r+") as file:
        group = file[f"uns/{KEY}"]
        words = json.loads(group["json"][()])
        assert words.pop(FORMAT_KEY) == 1
        words |= {} if number is None else {FORMAT_KEY: number}
        attributes = dict(group["json"].attrs)
        del group["json"]
        group["json"] = json.dumps(words)
        group["json"].attrs.update(attributes)
        if number == 99:
            # Whatever else a newer file holds: the number is looked at first.
            del file["X"]


def renumber_run(folder, number: int | None) -> None:
    info = json.loads((folder / "run.json").read_text())
    assert info.pop(FORMAT_KEY) == 1
    info |= {} if number is None else {FORMAT_KEY: number}
    (folder / "run.json").write_text(json.dumps(info))


def test_saved_sections_carry_a_number(square, tmp_path):
    path = tmp_path / "section.h5ad"
    save_section(square, path)
    renumber_section(path, None)
    assert load_section(path).spot_ids.equals(square.spot_ids)
    save_section(square, path)
    renumber_section(path, 99)
    with pytest.raises(
        S2SError, match=r"section\.h5ad' was written by a newer.*update the program"
    ):
        load_section(path)


def test_saved_runs_carry_a_number(square, tmp_path):
    save_result(made_result(sample(square, "lattice:2")), tmp_path)
    again = load_result(tmp_path)
    save_result(again, tmp_path)
    renumber_run(tmp_path, None)
    assert np.array_equal(load_result(tmp_path).imputed, again.imputed)
    save_result(again, tmp_path)
    renumber_run(tmp_path, 2)
    with pytest.raises(S2SError, match="finished run .* newer version .* update the program"):
        load_result(tmp_path)
