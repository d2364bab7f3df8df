"""Words of judgement: one meaning each, the same in the program, its tables and its glossary."""

import re
from pathlib import Path

from s2s_core.assessment import gene_grades as trust
from s2s_core.assessment.checks import LEVELS
from s2s_core.data import structure
from s2s_core.sampling import design_metrics as planning
from s2s_core.vocabulary import DESIGN, PATTERN, SCALES, USE, Pattern, Resolution

GLOSSARY = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text(encoding="utf-8")


def test_no_word_means_two_things():
    meanings = {}
    for scale in SCALES:
        for word, meaning in scale.words.items():
            assert meanings.setdefault(word, meaning) == meaning, word


def test_what_is_said_of_genes_comes_from_here():
    assert list(Resolution) == list(DESIGN.words)
    assert list(Pattern) == list(PATTERN.words)
    assert list(trust.GRADES) == list(USE.words)
    assert LEVELS[0] == "fine"


def test_help_has_the_question_every_word_and_the_rule():
    for scale, rule in ((DESIGN, planning.RULE), (PATTERN, structure.RULE), (USE, trust.RULE)):
        text = scale.help(rule)
        assert text.startswith(scale.asked)
        assert all(f"**{word}**: {meaning}" in text for word, meaning in scale.words.items())
        assert text.endswith(rule)


def test_the_glossary_knows_every_question_and_word():
    for scale in SCALES:
        part = GLOSSARY.partition(f"## {scale.asked}\n")[2].partition("\n## ")[0]
        for word in scale.words:
            assert re.search(rf"\b{word}\b", part), (scale.asked, word)
