"""The network's settings on the command line: ``config``, ``--config`` and options of their own."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from s2s_core.config import PRESETS, RunConfig, preset
from s2s_core.config.files import read_config, write_toml
from s2s_core.errors import S2SError

# Options, and the setting of the run, the network or its training that each changes.
RUN = ("method", "seed", "device", "threads", "answer")
MODEL = ("cascades",)
TRAIN = (
    "epochs",
    "steps",
    "weight_st",
    "patch",
    "patch_stride",
    "image_folder",
    "loss_s2d",
    "precision",
)


def add(commands: Any) -> None:
    """The command ``config``."""
    parser = commands.add_parser("config", help="print the settings of a preset, to edit")
    parser.add_argument("--preset", default="fast", choices=tuple(PRESETS), help="default: fast")
    parser.add_argument("--json", action="store_true", help="as JSON, without comments")
    parser.set_defaults(command=_config)


def add_network(parser: argparse.ArgumentParser) -> None:
    """Options for the network and its training; what is not given is as the preset has it."""
    group = parser.add_argument_group("network")
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings as TOML or JSON (see the command config); options given beside it win",
    )
    group.add_argument("--cascades", type=int, metavar="K", help="cascades of the network")
    group.add_argument("--steps", type=int, metavar="N", help="training steps at most")
    group.add_argument(
        "--epochs", type=int, metavar="N", help="paper: passes over all patches (published: 3000)"
    )
    group.add_argument(
        "--lambda",
        dest="weight_st",
        type=float,
        metavar="X",
        help="paper: weight of the section's losses against photographs (published: 10)",
    )
    group.add_argument("--patch", type=int, metavar="P", help="edge of the patches in pixels")
    group.add_argument(
        "--patch-stride", type=int, metavar="S", help="paper: distance between patches in pixels"
    )
    group.add_argument(
        "--photographs",
        dest="image_folder",
        metavar="DIR",
        help="paper: folder of PNG or JPEG photographs to learn from, for example DIV2K",
    )
    group.add_argument(
        "--s2d",
        dest="loss_s2d",
        choices=("mended", "published", "off"),
        help="paper: the loss L_s2d (docs/paper.md)",
    )
    group.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "auto"),
        help="arithmetic of training and prediction",
    )
    # None tells what was not asked for from what was.
    parser.set_defaults(**dict.fromkeys(("preset", *RUN)))


def configured(args: argparse.Namespace) -> RunConfig:
    """Configuration of the file, else of the preset, with the options that were given.

    Raises
    ------
    S2SError
        For settings that the engine of the preset does not have, and impossible ones.
    """
    if args.config is None:
        config = preset(args.preset or "fast")
    else:
        config = read_config(args.config)
        if args.preset not in {None, config.preset}:
            raise S2SError(
                f"The configuration file is of the preset {config.preset!r}, not {args.preset!r}: "
                "leave --preset out."
            )
    own = {f.name for f in fields(config.train)}
    train = _given(args, TRAIN)
    for name in train:
        if name not in own:
            option = {"weight_st": "lambda", "image_folder": "photographs", "loss_s2d": "s2d"}
            raise S2SError(
                f"--{option.get(name, name).replace('_', '-')} is a setting of the preset paper; the "
                f"preset {config.preset} has none."
            )
    return replace(
        config,
        **_given(args, RUN),
        model=replace(config.model, **_given(args, MODEL)),
        train=replace(config.train, **train),
    )


def _given(args: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: getattr(args, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _config(args: argparse.Namespace) -> int:
    config = preset(args.preset)
    print(config.to_json() if args.json else write_toml(config), end="\n" if args.json else "")
    return 0
