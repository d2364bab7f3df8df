import json
from types import MappingProxyType

import numpy as np
import pytest

from s2s_core.data.format_number import FORMAT_KEY, UNNUMBERED, format_number
from s2s_core.errors import S2SError


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
