"""Make the prior: python -m s2s_core.network.pretrained --photographs FOLDER --validate FOLDER --steps N

The network learns to correct a first estimate of photographs and made patterns that were
sampled and made noisy as tissue is. It is watched on other photographs; the best weights are
kept, with a card of what they were made from and how they score.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from s2s_core.config import COMPACT
from s2s_core.network.batches import Batch, augment, images
from s2s_core.network.cdcin import CDCIN, count_parameters
from s2s_core.network.device import autocast, choose_device, describe_device, set_threads
from s2s_core.network.losses import deep_supervision
from s2s_core.network.natural_images import load_photographs
from s2s_core.network.pretrained import CARD, WEIGHTS
from s2s_core.network.pretrained.examples import Example, draw_example
from s2s_core.network.programme_source import network_input, to_tensors

POOL = 1500
VALIDATION = 32


def make_batch(example: Example, rng: np.random.Generator | None = None) -> Batch:
    """Batch of an example, each image weighed by how hard its first estimate found it."""
    turn = 0 if rng is None else int(rng.integers(8))
    count = len(example.truth)
    sign = np.ones(count) if rng is None else rng.choice([-1.0, 1.0], count)
    sign = sign[:, None, None].astype(np.float32)
    stack = network_input(example.estimate, example.tissue, np.arange(count), sign)
    weight = (example.tissue & ~example.estimate.mask).astype(np.float32)
    error = ((example.estimate.mean - example.truth) ** 2 * weight).sum((1, 2)) / weight.sum()
    weight = weight / (error[:, None, None] + 0.02)
    turned = {k: augment(v, turn) for k, v in stack.items()}
    return Batch(
        **to_tensors(turned),
        target=images(augment(example.truth * sign, turn)),
        weight=images(augment(weight, turn)),
    )


@torch.no_grad()
def validate(model: CDCIN, batches: list[Batch], device: torch.device) -> np.ndarray:
    """Squared error relative to the first estimate's, of every image."""
    model.eval()
    ratios = []
    for batch in batches:
        moved = batch.to(device)
        with autocast(device):
            out = model(moved.start, moved.measured, moved.mask, moved.context)[-1].float()
        first = ((moved.start - moved.target) ** 2 * moved.weight).sum((1, 2, 3))
        ratios.append((((out - moved.target) ** 2 * moved.weight).sum((1, 2, 3)) / first).cpu())
    return torch.cat(ratios).numpy()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
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
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    set_threads(args.threads)
    device = choose_device("auto")
    own = load_photographs()
    given = [p for folder in args.photographs for p in load_photographs(str(folder), args.match)]
    photographs = (*own, *given)
    other = load_photographs(str(args.validate), args.validate_match) if args.validate else own
    kriging = args.estimate == "kriging"
    quiet = np.random.default_rng([args.seed, 2])
    held_out = [make_batch(draw_example(other, quiet, kriging=kriging)) for _ in range(VALIDATION)]
    share = np.concatenate([b.context[:, 4].amax((1, 2)).numpy() for b in held_out])
    noisy = {
        "low noise": share < 0.3,
        "noise": (share >= 0.3) & (share < 0.6),
        "high noise": share >= 0.6,
    }
    torch.manual_seed(args.seed)
    model = CDCIN(COMPACT).to(device, memory_format=torch.channels_last)
    earlier = []
    if args.start:
        model.load_state_dict(load_file(args.start))
        earlier = json.loads(args.start.with_suffix(".json").read_text())["stages"]
    optimiser = torch.optim.Adam(model.parameters(), args.learning_rate, betas=(0.9, 0.99))
    rng = np.random.default_rng([args.seed, 1])
    pool: deque[Example] = deque(maxlen=POOL)
    best, history, started, losses = math.inf, [], time.monotonic(), deque(maxlen=200)
    for step in range(args.steps):
        if step % 2 == 0 or len(pool) < 2:
            pool.append(draw_example(photographs, rng, kriging=kriging))
        share = min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / args.steps))
        for group in optimiser.param_groups:
            group["lr"] = args.learning_rate * share
        batch = make_batch(pool[rng.integers(len(pool))], rng).to(device)
        model.train()
        with autocast(device):
            outputs = model(batch.start, batch.measured, batch.mask, batch.context)
        loss = deep_supervision(outputs, batch.target, batch.weight, 2)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        if (step + 1) % 250 == 0 or step + 1 == args.steps:
            ratio = validate(model, held_out, device)
            score = float(ratio.mean())
            by_noise = {name: round(float(ratio[among].mean()), 4) for name, among in noisy.items()}
            history.append({"step": step + 1, "validation": round(score, 4), **by_noise})
            minutes = (time.monotonic() - started) / 60
            print(
                f"{step + 1} validation {score:.4f} {by_noise} loss {np.mean(losses):.3f} {minutes:.1f} min",
                flush=True,
            )
            if score < best:
                best = score
                weights = {k: v.cpu().contiguous() for k, v in model.state_dict().items()}
                save_file(weights, args.out)
                card = _card(args, model, device, history, best, len(photographs), minutes)
                card["stages"] = [*earlier, card["stages"][0]]
                card["minutes"] = round(sum(stage["minutes"] for stage in card["stages"]), 1)
                card_path = CARD if args.out == WEIGHTS else args.out.with_suffix(".json")
                card_path.write_text(json.dumps(card, indent=2) + "\n")


def _card(args, model, device, history, best, photographs, minutes) -> dict:
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
        "best": round(best, 4),
        "seed": args.seed,
        "stages": [
            {
                "steps": history[-1]["step"],
                "of": args.steps,
                "learning_rate": args.learning_rate,
                "seed": args.seed,
                "minutes": round(minutes, 1),
                "history": history,
            }
        ],
        "date": f"{datetime.date.today():%Y-%m-%d}",
        "machine": f"{describe_device(device)} of {os.cpu_count()}, {platform.machine()}",
    }


if __name__ == "__main__":
    main()
