"""Sections that served no choice, scored once by a frozen configuration; writes a dated table.

python benchmarks/untouched.py [--freeze | --report]

``--freeze`` writes what will be scored, and with which configuration and code, to untouched.json;
it is committed before anything is scored. Scoring refuses other code than the frozen: a changed
engine is frozen anew, for a table of its own. No choice may look at these scores.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmark import DATA, GROUPS, HERE, OURS, Case, complete, fingerprint, run_all

sys.path.insert(0, str(Path(__file__).parent.parent))

from s2s_core.config import preset  # noqa: E402

FROZEN = HERE / "untouched.json"
MASK = "lattice:2"
# File, the values of its column of sections, and the piece of tissue they are of: serial sections
# of one piece are not independent.
UNTOUCHED = (
    ("histology/st1_human_breast_her2_B4_with_image", ("",), "HER2 patient B"),
    ("histology/st1_human_breast_her2_C2_with_image", ("",), "HER2 patient C"),
    ("histology/st1_human_breast_her2_C3_with_image", ("",), "HER2 patient C"),
    ("stacks/st1_her2_A_6sections", tuple(f"A{i}" for i in range(1, 7)), "HER2 patient A"),
    ("stacks/st1_breast_stahl_4layers", tuple(f"layer{i}" for i in range(1, 5)), "Stahl breast"),
    (
        "stacks/st1_human_heart_9sections",
        ("1_CN73_E1_HE", "2_CN73_E2_HE_", "3_CN73_D2_HE", "4_CN73_C2_HE"),
        "heart CN73",
    ),
    (
        "stacks/st1_human_heart_9sections",
        ("5_CN74_E1_HE", "6_CN74_E2_HE", "7_CN74_D1_HE", "8_CN74_D2_HE", "9_CN74_C1_HE"),
        "heart CN74",
    ),
    ("stacks/starmap3d_mouse_cortex_bin40um", tuple(f"slab{i}" for i in range(1, 10)), "STARmap"),
)


def cases(*, residuals: bool = True) -> list[Case]:
    """Every group of methods on every untouched section."""
    return [
        Case(DATA / f"{file}.h5ad", MASK, 0, group, "fast", f"section={part}" if part else "")
        for file, parts, _ in UNTOUCHED
        for part in parts
        for group in GROUPS
        if residuals or group != "residuals"
    ]


def tissues() -> dict[str, str]:
    """Piece of tissue of each section, by the section's name."""
    return {
        Case(
            DATA / f"{file}.h5ad", MASK, 0, OURS, "fast", f"section={part}" if part else ""
        ).name: tissue
        for file, parts, tissue in UNTOUCHED
        for part in parts
    }


def frozen() -> dict:
    """What is frozen: sections, mask, configuration and hashes of the code behind each group."""
    return {
        "mask": MASK,
        "sections": tissues(),
        "config": asdict(preset("fast")),
        "code": {group: fingerprint(group) for group in GROUPS},
    }


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--freeze", action="store_true", help="write what is to be scored")
    parser.add_argument("--report", action="store_true", help="only write the table")
    args = parser.parse_args()
    now = frozen()
    if args.freeze:
        FROZEN.write_text(json.dumps({"date": f"{datetime.date.today()}", **now}, indent=1) + "\n")
        print(f"Wrote {FROZEN}; commit it, then score.")
        return 0
    kept = json.loads(FROZEN.read_text()) if FROZEN.exists() else {}
    # Through JSON, which knows no tuples.
    if any(kept.get(key) != value for key, value in json.loads(json.dumps(now)).items()):
        print("Code, configuration or sections are not the frozen ones; freeze them anew first.")
        return 2
    failed = [] if args.report else run_all(cases())
    from report import write_report

    stem = HERE / "results" / f"{kept['date']}-untouched"
    done = complete(cases())
    missing = [name for name in tissues() if name not in {case.name for case in done}]
    note = (
        "Sections that served no choice, scored once by the configuration and code of untouched.json "
        f"({kept['date']}), which was committed before. Not scored: {', '.join(missing) or 'none'}."
    )
    # Its integers are integrated signal.
    command = " ".join(sys.argv)
    write_report(done, stem, command, tissues(), no_counts="starmap", note=note, pictures=False)
    print(f"Wrote {stem}.md and .csv")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
