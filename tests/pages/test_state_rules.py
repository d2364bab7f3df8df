"""What one browser session keeps and lets go, with a made session in place of a browser's."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pages import _choice, _genes, _state, _who
from s2s_core.config import preset
from s2s_core.data.simulate import demo_section
from s2s_core.errors import S2SError
from s2s_core.jobs import drafts, jobs
from s2s_core.sampling.apply import sample
from tests.pages.screen import Session


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
    assert _state.first_value("design", "grid") == "design"
    assert _state.first_value("seed", 3) == "seed"
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
