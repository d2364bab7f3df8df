"""Configurations as files a person writes: TOML or JSON, every field, each with its comment."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
import types
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from s2s_core.config import PRESETS, RunConfig, from_dict, preset
from s2s_core.config.values import hints
from s2s_core.errors import S2SError

# How a file says None, which TOML has no word for.
NONE = "none"
TABLES = ("model", "train")


def read_config(path: Path) -> RunConfig:
    """Configuration of a file; what it leaves out is as its preset has it.

    Raises
    ------
    S2SError
        For a file that is neither TOML nor JSON, unknown settings and impossible values.
    """
    if not path.is_file():
        raise S2SError(f"The configuration file {str(path)!r} does not exist.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise S2SError(f"{path.name!r} is no {kind} file: {error}.") from None
    if not isinstance(data, dict):
        raise S2SError(f"{path.name!r} holds no settings: write names and values.")
    return completed(data)


def completed(data: dict[str, Any]) -> RunConfig:
    """Configuration of some settings; the others are those of the preset they name (fast).

    Raises
    ------
    S2SError
    """
    name = data.get("preset", "fast")
    if not isinstance(name, str):
        raise S2SError(f"Unknown preset {name!r}; choose {', '.join(PRESETS)}.")
    base = preset(name)
    whole = asdict(base)
    for key, value in data.items():
        part = getattr(base, key, None)
        if key not in TABLES:
            whole[key] = _value(value, hints(RunConfig).get(key))
            continue
        if not isinstance(value, dict):
            raise S2SError(f"The settings of {key} belong into a table [{key}].")
        known = hints(type(part))
        whole[key] |= {k: _value(v, known.get(k)) for k, v in value.items()}
    engine = whole["train"]["engine"]
    if engine != base.engine:
        raise S2SError(
            f"The preset {name!r} is trained by the engine {base.engine!r}, not {engine!r}: choose "
            "a preset of that engine and leave engine out."
        )
    return from_dict(whole)


def write_toml(config: RunConfig) -> str:
    """TOML of a configuration, every setting under its comment; :func:`read_config` reads it."""
    lines = [
        "# Settings of a run: s2s impute ... --config FILE. What is left out is as the preset has it."
    ]
    lines += _lines(config)
    for name in TABLES:
        lines += ["", f"[{name}]", *_lines(getattr(config, name))]
    return "\n".join(lines) + "\n"


def _lines(part: Any) -> list[str]:
    said, known = comments(type(part)), hints(type(part))
    out = []
    for f in fields(part):
        if f.name in TABLES or not f.init:
            continue
        choices = get_args(known[f.name]) if get_origin(known[f.name]) is Literal else ()
        comment = said.get(f.name, "") + (f" ({', '.join(map(str, choices))})" if choices else "")
        out += [f"# {comment}", f"{f.name} = {_toml(getattr(part, f.name))}"]
    return out


def comments(cls: type) -> dict[str, str]:
    """What a settings class says of each field in its docstring's list of attributes."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        _, _, block = (inspect.getdoc(base) or "").partition("Attributes\n----------\n")
        for names, text in re.findall(r"^(\w[\w, ]*) : .*\n((?:^ +.*\n?)*)", block, re.M):
            for name in names.split(","):
                plain = re.sub(r"\s+", " ", text.replace("`", "")).strip()
                found[name.strip()] = re.sub(r"\bNone\b", f'"{NONE}"', plain)
    return found


def _value(value: Any, hint: Any) -> Any:
    """The word "none" as None, where that is a value of the field."""
    union = get_origin(hint) in {Union, types.UnionType}
    if value == NONE and union and type(None) in get_args(hint):
        return None
    return tuple(value) if isinstance(value, list) else value


def _toml(value: Any) -> str:
    if value is None:
        return f'"{NONE}"'
    if isinstance(value, tuple):
        return json.dumps(list(value), ensure_ascii=False)
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)
