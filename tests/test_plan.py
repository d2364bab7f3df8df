"""Budgets as they are typed: what is read, and what is refused with which sentence."""

import pytest

from s2s_core.errors import S2SError
from s2s_core.studies.plan import (
    budgets_text,
    first_budgets,
    in_percent,
    read_budgets,
    smallest_budget,
)


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("10, 25, 50", (0.1, 0.25, 0.5)),
        ("50; 12.5", (0.125, 0.5)),
        ("25 %, 25, 50%", (0.25, 0.5)),
        ("10,25,50", (0.1, 0.25, 0.5)),
        (" 75, ", (0.75,)),
        ("10;20;", (0.1, 0.2)),
    ],
)
def test_budgets_are_read(text, shares):
    assert read_budgets(text, 1000) == pytest.approx(shares)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "at least one budget"),
        ("ten", "a number of per cent, found 'ten'; separate budgets by a comma and a space"),
        ("10 25", "found '10 25'"),
        ("nan", "found 'nan'"),
        ("1e1", "found '1e1'"),
        ("0", "above 0 and below 100 %, found 0 %"),
        ("-5", "found -5 %"),
        ("100", "found 100 %"),
        ("1.9", "needs at least 20; choose budgets of 2 % or more"),
        ("0.25", "write 25 for 25 %"),
        ("75.1", "above the largest, 75 %"),
        ("12,5", "write 12.5 for one, and for two 12; 5"),
        ("12,5; 25", "one number or two"),
        ("25,50%", "one number or two"),
    ],
)
def test_what_cannot_be_read_or_tested_is_one_sentence(text, sentence):
    with pytest.raises(S2SError) as error:
        read_budgets(text, 1000)
    assert sentence in str(error.value)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("n_spots", [50, 77, 199, 709, 100_000])
def test_first_and_smallest_budgets_can_be_read_back(n_spots):
    first = first_budgets(n_spots)
    assert read_budgets(budgets_text(first), n_spots) == first
    least = smallest_budget(n_spots)
    assert read_budgets(in_percent(least), n_spots) == (pytest.approx(least),)
    assert round(least * n_spots) >= 20
