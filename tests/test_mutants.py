"""The runner of mutants on a made project, and that its list fits this one."""

import textwrap
from types import SimpleNamespace

import pytest

from tests.mutants import __main__ as mutants
from tests.mutants.__main__ import Mutant, Stale, locate


def test_every_entry_fits_the_project():
    entries = mutants.load()
    assert len(entries) > 200
    for mutant in entries:
        locate(mutant)
        assert mutant.harm in (1, 2, 3), mutant.id
        for name in mutant.tests:
            assert (mutants.ROOT / "tests" / name.partition("::")[0]).is_file(), mutant.id


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A package with one good test, one that notices nothing, and a list of three bugs."""
    root = tmp_path / "project"
    files = {
        "s2s_core/parts/sums.py": "def add(a, b):\n    return a + b\n\n\ndef half(a):\n    return a / 2\n",
        "s2s_core/__init__.py": "",
        "tests/test_sums.py": """
            from s2s_core.parts.sums import add, half
            def test_add(): assert add(2, 3) == 5
            def test_half(): assert half(0) == 0
        """,
        "tests/mutants/list.toml": """
            [[mutant]]
            id = "A"
            module = "sums"
            find = "a + b"
            put = "a - b"
            harm = 3
            tests = ["test_sums.py"]
            why = "adding takes away"
            [[mutant]]
            id = "B"
            module = "sums"
            find = "a / 2"
            put = "a / 3"
            harm = 2
            tests = ["test_sums.py::test_half"]
            why = "a half is a third"
            [[mutant]]
            id = "C"
            module = "sums"
            find = "(a):"
            put = "(a, c=0):"
            harm = 1
            equivalent = "nobody gives it"
            why = "an option that does nothing"
        """,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    monkeypatch.setattr(mutants, "ROOT", root)
    monkeypatch.setattr(mutants, "LISTS", root / "tests/mutants")
    monkeypatch.setattr(mutants.load, "__defaults__", (root / "tests/mutants",))
    monkeypatch.setattr(mutants.locate, "__defaults__", (root,))
    mutants.sources.cache_clear()
    yield root
    mutants.sources.cache_clear()


def test_what_is_noticed_and_what_is_not_is_told(project, capsys):
    assert mutants.main(["--all", "--jobs", "1", "--least", "0.5"]) == 0
    said = capsys.readouterr().out
    assert "2 of 3 mutants" in said
    assert f"killed   {'A':22}{'sums':18}tests/test_sums.py::test_add" in said
    assert f"SURVIVED {'B':22}{'sums':18}a half is a third" in said
    assert "1 of    2    50%" in said
    # The project itself is as it was.
    assert "a + b" in (project / "s2s_core/parts/sums.py").read_text()


@pytest.fixture
def answers(monkeypatch):
    """What pytest answers, in turn: exit status and output."""
    given = []
    monkeypatch.setattr(
        mutants,
        "test",
        lambda *_, **__: SimpleNamespace(
            **dict(zip(("returncode", "stdout"), given.pop(0), strict=True))
        ),
    )
    return given


GOOD, BAD, ODD = (0, "2 passed"), (1, "FAILED tests/test_sums.py::test_add - x"), (2, "1 error")


@pytest.mark.parametrize(
    ("found", "least", "status"),
    [
        ([BAD, BAD], 1.0, 0),
        ([BAD, GOOD], 0.5, 0),
        ([BAD, GOOD], 0.6, 1),
        ([GOOD, GOOD], 0.1, 1),
        ([BAD, ODD], 0.1, 1),
    ],
)
def test_too_low_a_rate_is_a_failure_and_so_is_a_bug_that_does_not_import(
    project, answers, capsys, found, least, status
):
    answers += [GOOD, *found]
    assert mutants.main(["--all", "--jobs", "1", "--least", str(least)]) == status
    assert ("BROKEN" in capsys.readouterr().out) is (ODD in found)


def test_tests_that_fail_by_themselves_prove_nothing(project, answers, capsys):
    answers += [BAD]
    assert mutants.main(["--all", "--jobs", "1", "--least", "0"]) == 2
    assert "mend them first" in capsys.readouterr().out


def test_a_list_out_of_date_is_told_loudly(project, capsys):
    with pytest.raises(Stale, match="no file"):
        locate(Mutant("X", "sums", "a * b", "", 1, ""))
    with pytest.raises(Stale, match=r"sums.py \(2x\)"):
        locate(Mutant("X", "sums", "(a", "", 1, ""))
    (project / "s2s_core/parts/sums.py").write_text("def add(a, b):\n    return sum((a, b))\n")
    mutants.sources.cache_clear()
    assert mutants.main(["--all"]) == 2
    assert "out of date: A" in capsys.readouterr().out


def test_a_module_may_move_and_even_be_split(project):
    mutant = Mutant("A", "sums", "a + b", "a - b", 3, "")
    old = project / "s2s_core/parts/sums.py"
    (project / "s2s_core/other").mkdir()
    old.rename(project / "s2s_core/other/sums.py")
    mutants.sources.cache_clear()
    assert locate(mutant).parent.name == "other"
    (project / "s2s_core/other/sums.py").rename(project / "s2s_core/other/adding.py")
    mutants.sources.cache_clear()
    assert locate(mutant).name == "adding.py"


def test_an_entry_says_what_kills_it_or_why_nothing_can(project):
    file = project / "tests/mutants/list.toml"
    whole = file.read_text()
    for wrong in (whole.replace('tests = ["test_sums.py"]\n', ""), whole.replace('"B"', '"A"')):
        file.write_text(wrong)
        with pytest.raises(Stale):
            mutants.load()
