"""Values of configuration fields: checked against the field's type, in words."""

from __future__ import annotations

import math
import numbers
import types
from dataclasses import dataclass, fields
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from s2s_core.errors import S2SError

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """Least and greatest number of an annotated field."""

    low: float
    high: float = math.inf
    inclusive: bool = True

    def holds(self, value: float) -> bool:
        """Whether a number lies inside."""
        above = value >= self.low if self.inclusive else value > self.low
        return bool(above and value <= self.high and math.isfinite(value))

    def __str__(self) -> str:
        """In words, for a sentence."""
        least = f"{'at least' if self.inclusive else 'above'} {self.low:g}"
        return least if math.isinf(self.high) else f"{least} and at most {self.high:g}"


def check_values(config: object) -> None:
    """Refuse a dataclass whose values do not fit the types of its fields.

    Raises
    ------
    S2SError
        Naming the field, its value and what it may be.
    """
    for name, hint in hints(cast("Any", type(config))).items():
        value = getattr(config, name)
        if not _fits(value, hint):
            raise S2SError(_refusal(name, value, hint))


def hints(cls: Any) -> dict[str, Any]:
    """Types of a dataclass's fields, with what their annotations say."""
    found = get_type_hints(cls, include_extras=True)
    return {f.name: found[f.name] for f in fields(cls)}


def build(cls: type[T], values: dict[str, Any]) -> T:
    """Make a dataclass of plain values; unknown names are refused.

    Raises
    ------
    S2SError
    """
    unknown = set(values) - {f.name for f in fields(cls) if f.init}  # type: ignore[arg-type]
    if unknown:
        raise S2SError(f"Unknown setting {sorted(unknown)[0]!r} in the configuration.")
    return cls(**values)


def _parts(hint: Any) -> list[Any]:
    """Alternatives of a union, or the one type there is."""
    return list(get_args(hint)) if get_origin(hint) in {Union, types.UnionType} else [hint]


def _fits(value: Any, hint: Any) -> bool:
    for part in _parts(hint):
        if get_origin(part) is Annotated:
            kind, limits = get_args(part)
            if _is(value, kind) and limits.holds(value):
                return True
        elif get_origin(part) is Literal:
            # True is no 1 here.
            if any(value == c and type(value) is type(c) for c in get_args(part)):
                return True
        elif get_origin(part) is tuple:
            if isinstance(value, tuple) and all(isinstance(v, str) for v in value):
                return True
        elif _is(value, part):
            return True
    return False


def _is(value: Any, kind: type) -> bool:
    if kind is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool)
    return isinstance(value, kind)


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _refusal(name: str, value: Any, hint: Any) -> str:
    """Sentence that says what a field may be."""
    parts = _parts(hint)
    choices = [c for part in parts if get_origin(part) is Literal for c in get_args(part)]
    if choices and isinstance(value, str):
        listed = ", ".join(map(str, choices[:-1])) + f" or {choices[-1]}"
        return f"Unknown {name} {value!r}; choose {listed}."
    said = [_may_be(part) for part in parts]
    return f"The setting {name} can be {' or '.join(said)}, not {value!r}."


def _may_be(part: Any) -> str:
    if part is type(None):
        return "none"
    if get_origin(part) is Annotated:
        kind, limits = get_args(part)
        return f"{_WORDS[kind]} {limits}"
    if get_origin(part) is Literal:
        return " or ".join(map(str, get_args(part)))
    if get_origin(part) is tuple:
        return "a list of names"
    return _WORDS.get(part, part.__name__)
