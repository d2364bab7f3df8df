"""Make the pretrained weights: python -m s2s_core.network.pretrained --photographs FOLDER --validate FOLDER --steps N

The network learns to correct a first estimate of photographs and synthetic patterns that were
sampled and made noisy as tissue is. It is scored on other photographs; the best weights are
kept, with a card of what they were made from and how they score.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from s2s_core.config import COMPACT, Optimisation
from s2s_core.network.cdcin import CDCIN, count_parameters
from s2s_core.network.device import choose_device, describe_device, set_threads
from s2s_core.network.natural_images import load_photographs
from s2s_core.network.pretrained import CARD, WEIGHTS
from s2s_core.network.pretrained.source import PretrainingSource
from s2s_core.network.trainer import Step, train

VALIDATION = 32
RATE = 2e-3


def settings(learning_rate: float = RATE) -> Optimisation:
    """How the weights are trained."""
    return Optimisation(
        loss_power=2,
        learning_rate=learning_rate,
        beta1=0.9,
        beta2=0.99,
        warmup_steps=100,
        cosine=True,
        clip_norm=1.0,
        check_every=250,
    )


def main() -> None:
    """Entry point."""
    args = _arguments()
    set_threads(args.threads)
    device = choose_device("auto")
    own = load_photographs()
    given = [p for folder in args.photographs for p in load_photographs(str(folder), args.match)]
    photographs = (*own, *given)
    source = PretrainingSource(
        photographs,
        load_photographs(str(args.validate), args.validate_match) if args.validate else own,
        steps=args.steps,
        seed=args.seed,
        kriging=args.estimate == "kriging",
        validation=VALIDATION,
    )
    torch.manual_seed(args.seed)
    model = CDCIN(COMPACT)
    earlier: list[dict] = []
    if args.start:
        model.load_state_dict(load_file(args.start))
        earlier = json.loads(args.start.with_suffix(".json").read_text())["stages"]
    history: list[dict] = []
    losses: deque[float] = deque(maxlen=200)
    started = time.monotonic()

    def on_step(step: Step) -> None:
        losses.append(step.losses["total"])
        if step.score is None:
            return
        by_noise = {name: round(score, 4) for name, score in source.by_noise.items()}
        best = min((stage["validation"] for stage in history), default=np.inf)
        history.append({"step": step.step, "validation": step.score, **by_noise})
        minutes = (time.monotonic() - started) / 60
        print(
            f"{step.step} validation {step.score:.4f} {by_noise} "
            f"loss {np.mean(losses):.3f} {minutes:.1f} min",
            flush=True,
        )
        if step.score < best:
            weights = {k: v.cpu().contiguous() for k, v in model.state_dict().items()}
            save_file(weights, args.out)
            card = _card(args, model, device, history, len(photographs), minutes)
            card["stages"] = [*earlier, card["stages"][0]]
            card["minutes"] = round(sum(stage["minutes"] for stage in card["stages"]), 1)
            card_path = CARD if args.out == WEIGHTS else args.out.with_suffix(".json")
            card_path.write_text(json.dumps(card, indent=2) + "\n")

    train(model, source, settings(args.learning_rate), device, seed=args.seed, on_step=on_step)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--photographs",
        nargs="*",
        type=Path,
        default=[],
        help="folders beside the packages' own photographs",
    )
    parser.add_argument("--match", default="", help="only files whose name starts with this")
    parser.add_argument("--validate", type=Path, help="folder of other photographs")
    parser.add_argument("--validate-match", default="")
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("--estimate", choices=["kriging", "smooth"], default="kriging")
    parser.add_argument("--start", type=Path, help="go on from these weights, as a further stage")
    parser.add_argument("--learning-rate", type=float, default=RATE)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    return parser.parse_args()


def _card(
    args: argparse.Namespace,
    model: CDCIN,
    device: torch.device,
    history: list[dict],
    photographs: int,
    minutes: float,
) -> dict[str, Any]:
    rounded = [h | {"validation": round(h["validation"], 4)} for h in history]
    return {
        "model": asdict(COMPACT),
        "parameters": count_parameters(model),
        "first_estimate": args.estimate,
        "learned_from": f"{photographs} photographs (scikit-image, scikit-learn"
        + (f", {args.match or 'folder'}" if args.photographs else "")
        + ") and made random patterns",
        "validated_on": f"{args.validate_match or 'other'} photographs"
        if args.validate
        else "new crops of the same photographs",
        "score": "squared error at unmeasured pixels relative to the first estimate's, mean over images",
        "best": min(h["validation"] for h in rounded),
        "seed": args.seed,
        "stages": [
            {
                "steps": history[-1]["step"],
                "of": args.steps,
                "learning_rate": args.learning_rate,
                "seed": args.seed,
                "minutes": round(minutes, 1),
                "history": rounded,
            }
        ],
        "date": f"{datetime.date.today():%Y-%m-%d}",
        "machine": f"{describe_device(device)} of {os.cpu_count()}, {platform.machine()}",
    }


if __name__ == "__main__":
    main()
