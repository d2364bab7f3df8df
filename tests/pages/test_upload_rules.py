"""Uploads: harmless names, files that belong together, one of several sections."""

from types import SimpleNamespace

import pytest

from pages import _state, _upload
from s2s_core.data.simulate import demo_section
from s2s_core.errors import S2SError, SeveralSections

# --- uploads


@pytest.fixture
def section():
    return demo_section(rows=12, genes=6)


def upload(name, data=b"x"):
    return SimpleNamespace(name=name, size=len(data), getbuffer=lambda: data)


def test_uploads_keep_harmless_names_and_never_replace_each_other(tmp_path):
    names = ["a.csv", "b/a.csv", "..\\.hidden.csv", "a;b.csv"]
    data = [name.encode() for name in names]
    paths = _upload.save_uploads([upload(n, d) for n, d in zip(names, data, strict=True)], tmp_path)
    assert [p.read_bytes() for p in paths] == data
    assert all(p.parent == tmp_path for p in paths)
    assert [p.name for p in paths] == ["a.csv", "1-a.csv", "hidden.csv", "a_b.csv"]


SEVERAL = SeveralSections("several", "slice", {"A": 3, "B": 4})


@pytest.mark.parametrize(
    ("answers", "together"),
    [
        ([None], False),
        ([SEVERAL], False),
        ([S2SError("no"), None], True),
        ([S2SError("no")] * 2, True),
    ],
)
def test_only_what_was_refused_is_tried_with_what_was_refused_before(
    st, tmp_path, monkeypatch, answers, together
):
    tried = []

    def opened(paths, reading, name):
        tried.append(sorted(p.name for p in paths))
        return answers[len(tried) - 1]

    monkeypatch.setattr(_upload, "open_files", opened)
    monkeypatch.setattr(_upload, "fresh_field", lambda: None)
    before = tmp_path / "before"
    before.mkdir()
    (before / "old.csv").write_bytes(b"old")
    desk = _upload.Desk(before, S2SError("refused"))
    _upload.take_uploads([upload("new.csv")], _upload.Reading("auto", "auto", "auto", None), desk)
    assert tried == [["new.csv"], ["new.csv", "old.csv"]][: 1 + together]
    assert not before.exists()
    assert (st.session_state.desk is None) is (answers[-1] is None)


@pytest.mark.parametrize(
    ("picked", "where"), [("A", "slice=A"), ("All of them: they are one section", "all")]
)
def test_one_of_several_sections_is_picked_or_all(st, tmp_path, monkeypatch, picked, where):
    (tmp_path / "a.csv").write_bytes(b"x")
    asked = []
    monkeypatch.setattr(_upload, "open_files", lambda _, reading, __: asked.append(reading.where))
    st.session_state.section_pick = picked
    st.answers["read_again"] = True
    _upload.show_desk(
        _upload.Desk(tmp_path, SEVERAL), _upload.Reading("auto", "auto", "auto", None)
    )
    assert asked == [where]
    assert st.session_state.desk is None


def test_files_of_an_opened_section_are_let_go_and_those_of_a_refused_one_stay(
    st, section, tmp_path, monkeypatch
):
    desk = tmp_path / "desk"
    desk.mkdir()
    (desk / "small.csv").write_bytes(b"1")
    (desk / "large.csv").write_bytes(b"22")
    files = sorted(desk.iterdir())
    assert _upload.largest(files) == "large.csv"
    asked = {}

    def read(paths, **options):
        asked.update(options)
        if options["where"] is None:
            raise SEVERAL
        return section

    monkeypatch.setattr(_upload, "read_in_subprocess", read)
    reading = _upload.Reading("auto", "auto", "auto", None)
    assert _upload.open_files(files, reading, "large.csv") is SEVERAL
    assert all(f.exists() for f in files)
    again = _upload.Reading("auto", "auto", "auto", None, where="slice=A")
    assert _upload.open_files(files, again, "large.csv") is None
    assert asked["where"] == "slice=A"
    assert asked["bin_size"] is None
    assert not desk.exists()
    assert _state.workspace().name == "large.csv"
