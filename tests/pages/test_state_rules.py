"""What one browser session keeps and lets go, with a made session in place of a browser's."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pages import _choice, _genes, _state, _upload, _who
from s2s_core.config import preset
from s2s_core.data.simulate import demo_section
from s2s_core.errors import S2SError, SeveralSections
from s2s_core.jobs import drafts, jobs
from s2s_core.sampling.apply import sample


class Session(dict):
    """Session state, by item and by attribute."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__
    __delattr__ = dict.__delitem__


class Screen(SimpleNamespace):
    """As much of Streamlit as these functions need; what is chosen stands in ``answers``."""

    def __init__(self):
        super().__init__(session_state=Session(), query_params=Session(), answers={}, said=[])

    def spinner(self, _):
        return nullcontext()

    def answer(self, label, *rest, key=None, **_):
        value = self.answers.get(key, rest[0] if rest else "")
        # As Streamlit does, the first value is that of the session.
        return self.session_state.get(key, value)

    text_input = text_area = number_input = multiselect = radio = selectbox = answer

    def button(self, label, key=None, **_):
        return self.answers.get(key, False)

    def container(self, **_):
        return nullcontext()

    def rerun(self):
        pass

    def say(self, word, **_):
        self.said.append(word)

    warning = info = caption = write = error = say


@pytest.fixture
def st(monkeypatch):
    screen = Screen()
    for module in (_state, _choice, _genes, _upload, _who):
        monkeypatch.setattr(module, "st", screen)
    monkeypatch.setattr(_who, "_from_cookie", lambda: None)
    return screen


@pytest.fixture
def section():
    return demo_section(rows=12, genes=6)


@pytest.fixture
def run(section):
    def make(name="a run", **more):
        return jobs.create(sample(section, "random:0.5"), preset("fast"), name, **more)

    return make


# --- sections


def test_choices_of_the_old_section_go_with_it(st, section):
    st.session_state.update(gene_pick=["Gene1"], paint={}, design_made=(1, 2), design_seed=7)
    _state.use_section(section, "new")
    assert not set(_state.OF_A_SECTION) & set(st.session_state)
    assert st.session_state.design_seed == 7
    assert st.query_params == {"section": _state.workspace().draft_id}


def test_chosen_genes_are_those_of_the_last_choice(st, section):
    here = _state.Workspace(section=section, genes=list(section.genes[:2]))
    first = here.chosen
    assert here.chosen is first
    here.genes = list(section.genes[3:4])
    assert here.chosen.genes.tolist() == here.genes


# --- runs


def test_a_reopened_run_brings_its_section_whole(st, run):
    job = run()
    _state.open_run(job)
    here = _state.workspace()
    assert here.section.measured.sum() == here.section.known.sum()
    assert here.sampled.measured.sum() < here.section.measured.sum()
    assert st.query_params["job"] == here.job_id == job.id


def test_a_study_is_no_run(st, run):
    study = run(kind="plan")
    _state.open_run(study)
    here = _state.workspace()
    assert (here.study_id, here.job_id) == (study.id, None)
    assert dict(st.query_params) == {"study": study.id}


def test_own_runs_and_those_of_nobody_may_be_changed_but_not_the_example(st, run):
    mine, other, nobodys = (run(owner=o) for o in (_who.owner(), "somebody", None))
    assert [_state.may_change(j) for j in (mine, other, nobodys)] == [True, False, True]
    examples = [run(kind="demo", owner=o) for o in (_who.owner(), None)]
    assert not any(_state.may_change(j) for j in examples)


def test_a_deleted_run_is_let_go(st, run):
    job = run()
    _state.use_job(job)
    jobs.delete(job)
    assert _state.current_job() is None
    assert _state.workspace().job_id is None
    assert "job" not in _state.addresses()


def test_a_run_in_the_address_comes_before_a_draft(st, section, run):
    draft = drafts.keep(demo_section(rows=10, genes=3), "an old draft")
    job = run()
    st.query_params.update(section=draft, job=job.id)
    _state.open_from_url()
    assert len(_state.workspace().section.genes) == 6
    assert _state.workspace().name == job.name


def test_widgets_are_kept_and_begin_with_their_first_value_once(st):
    kept = []

    class Noting(Session):
        def __setitem__(self, key, value):
            kept.append(key)
            super().__setitem__(key, value)

    st.session_state = Noting({"argument-random": "0.3", "design": "random", "other": 1})
    _state.keep_widgets()
    assert sorted(kept) == ["argument-random", "design"]
    assert _state.begin("design", "grid") == "design"
    assert _state.begin("seed", 3) == "seed"
    assert (st.session_state["design"], st.session_state["seed"]) == ("random", 3)


# --- designs


def made(section, spec="random:0.5", seed=0, **arrays):
    return _choice._made(section, spec, seed, arrays).measured


def test_a_design_is_made_again_when_anything_of_it_changes(st, section):
    first = made(section)
    assert np.array_equal(made(section), first)
    assert not np.array_equal(made(section, seed=1), first)
    assert made(section, "random:0.2").sum() < first.sum()
    must = np.arange(section.n_positions) < 20
    assert made(section, must=must)[must].all()
    assert not made(section, avoid=must)[must].any()
    assert made(section, must=must[::-1])[must[::-1]].all()
    made(section)
    other = section.subset_genes(list(section.genes[:2]))
    assert len(_choice._made(other, "random:0.5", 0, {}).genes) == 2


def test_patterns_are_those_of_the_section_in_hand(st, section):
    first = _choice.pilot_of(section)
    assert _choice.pilot_of(section) is first
    other = section.subset_genes(list(section.genes[:2]))
    assert _choice.pilot_of(other).section is other


def test_hexagonal_designs_are_for_hexagonal_lattices(st, section, monkeypatch):
    offered = []
    monkeypatch.setattr(st, "selectbox", lambda _, names, **__: offered.append(names) or names[0])
    for kind in ("hex", "square"):
        _choice.pick(SimpleNamespace(grid=SimpleNamespace(kind=kind)), None)
    assert ["hexlattice" in names for names in offered] == [True, False]
    assert _choice.pick(section, "density") == "density"


def test_painted_spots_are_measured_four_times_as_densely(st, section, monkeypatch):
    given = {}
    monkeypatch.setattr(_choice, "_made", lambda *a: given.update(a[3]))
    painted = np.arange(section.n_positions) < 30
    _choice.choose(section, "density", painted)
    assert given["density"][painted].tolist() == [4.0] * 30
    assert set(given["density"][~painted]) == {1.0}
    with pytest.raises(S2SError, match="Paint the region"):
        _choice.choose(section, "density", ~painted & painted)


# --- genes


@pytest.fixture
def choosing(st, section, monkeypatch):
    """Choose genes by a mode; returns the workspace."""
    monkeypatch.setattr(_state, "next_step", lambda *_: None)
    genes = section.genes
    table = pd.DataFrame({"moran": np.arange(6.0)[::-1], "verdict": "x"}, index=genes)
    here = _state.Workspace(section=section, sampled=section, structure=table)
    here.expression = pd.Series([1, 4, 3, 5, 2, 6.0], index=genes)

    def choose(mode, **answers):
        st.session_state.clear()
        st.session_state["gene_mode"] = mode
        st.session_state.update(answers)
        _genes.choose_genes(here)
        return here

    return choose


def test_the_best_genes_are_chosen_in_the_order_of_the_section(choosing, section):
    genes = section.genes
    assert choosing(_genes.SPATIAL, gene_count=2).genes == genes[:2].tolist()
    assert choosing(_genes.EXPRESSED, gene_count=2).genes == [genes[3], genes[5]]
    assert choosing(_genes.EXPRESSED, gene_count=3).genes == [genes[1], genes[3], genes[5]]


def test_another_choice_of_genes_forgets_what_was_sampled(choosing, section):
    assert choosing(_genes.ALL).sampled is section
    pasted = ";".join(section.genes[:2]) + ", " + section.genes[4]
    here = choosing(_genes.CHOOSE, gene_pick=[], gene_paste=pasted)
    assert here.genes == section.genes[[0, 1, 4]].tolist()
    assert here.sampled is None
    # No gene at all is no choice.
    assert choosing(_genes.CHOOSE, gene_pick=[], gene_paste="").genes == here.genes


@pytest.mark.parametrize(("flat", "told"), [(4, True), (3, False)])
def test_where_most_genes_have_no_pattern_it_is_said(st, flat, told):
    verdicts = [_genes.NONE] * flat + ["a pattern"] * (6 - flat)
    _genes.suggest_spatial(pd.DataFrame({"verdict": verdicts}))
    assert bool(st.said) is told


# --- uploads


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
