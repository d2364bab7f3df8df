"""Every real file from upload to imputed CSV in the app, in a real browser; writes a dated table.

python benchmarks/app_files.py [--only PART]

Files of the data folder (S2S_DATA): each .h5ad as it is, each folder of raw_formats as a zip,
tables alone or with the table that belongs to them. Linear interpolation imputes: what is tried
is the way from page to page. Of sections with more than 1000 genes a panel is taken.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from benchmark import DATA, HERE  # noqa: E402
from playwright.sync_api import Error, sync_playwright  # noqa: E402

from s2s_core.output.tables import FIXED_COLUMNS  # noqa: E402
from tests.browser import steps  # noqa: E402
from tests.browser.conftest import CHROMIUM, FLAGS, Server  # noqa: E402

MANY_GENES = 1000


def uploads(folder: Path) -> dict[str, list[Path]]:
    """What users would choose in the file dialog, by name; folders are zipped into ``folder``."""
    raw = DATA / "raw_formats"
    out = {path.stem: [path] for path in sorted(DATA.glob("*.h5ad"))}
    for place in sorted(raw.glob("spaceranger*")):
        packed = shutil.make_archive(str(folder / place.name), "zip", place.parent, place.name)
        out[f"{place.name} (zip)"] = [Path(packed)]
    for table in sorted([*raw.glob("st_v1_counts/*"), *raw.glob("cells_csv/*")]):
        if "selection" not in table.name:
            name = table.name.split(".")[0]
            out[name] = [table, *table.parent.glob(f"{name}_selection*")]
    return out


def journey(page, server: Server, files: list[Path], folder: Path) -> dict:
    """From the first page to the table; what is in it."""
    page.goto(server.url)
    page.get_by_role("button", name="Open the demo section").wait_for()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(list(map(str, files)))
    page.get_by_text("Next: Sampling").wait_for()
    steps.quiet(page)
    if genes_chosen(page) > MANY_GENES:
        find = page.get_by_role("button", name="Find the genes")
        if find.count():
            find.click()
            steps.quiet(page)
        page.get_by_text("Most spatial").first.click()
        page.wait_for_function("() => !/[0-9],[0-9]+ genes will be/.test(document.body.innerText)")
        steps.quiet(page)
    steps.to_train(page)
    steps.choose_method(page, "Linear interpolation")
    steps.quiet(page)
    page.get_by_role("button", name="Start").click()
    page.get_by_text("Next: Results").click(timeout=300_000)
    table = pd.read_csv(steps.download(page, "Download imputed CSV", folder))
    values = table.drop(columns=list(FIXED_COLUMNS)).to_numpy(float)
    return {
        "positions": len(table),
        "measured": int(table["measured"].sum()),
        "genes": values.shape[1],
        "complete": bool(np.isfinite(values).all() and (values >= 0).all()),
    }


def genes_chosen(page) -> int:
    """How many genes the Data page says will be imputed."""
    words = page.get_by_text("genes will be imputed").first.inner_text()
    return int(re.search(r"([\d,]+) genes", words)[1].replace(",", ""))


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="part of the names of the files to try")
    parser.add_argument("--name", default="app-files")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as place, sync_playwright() as play:
        folder = Path(place)
        os.environ["S2S_RUNS"] = str(folder / "runs")
        server = Server(folder / "runs")
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, files in uploads(folder).items():
            if args.only not in name:
                continue
            context = browser.new_context(
                viewport={"width": 1440, "height": 1000}, accept_downloads=True
            )
            page, begun = context.new_page(), time.monotonic()
            page.set_default_timeout(90_000)
            row = {"files": name, "MB": sum(f.stat().st_size for f in files) / 1e6}
            try:
                row |= {"outcome": "table", **journey(page, server, files, folder)}
            except Error as error:
                said = page.get_by_test_id("stAlert").all_inner_texts()
                row["outcome"] = f"stopped: {said or str(error).splitlines()[0]}"
                page.screenshot(path=str(Path(tempfile.gettempdir()) / f"app_{len(rows)}.png"))
            rows.append(row | {"seconds": time.monotonic() - begun})
            print(rows[-1], flush=True)
            context.close()
        browser.close()
        server.stop()
    return write(pd.DataFrame(rows), args)


def write(table: pd.DataFrame, args) -> int:
    """Write the dated table; 1 where a file did not arrive."""
    good = (table["outcome"] == "table") & (table.get("complete") == True)  # noqa: E712
    stem = HERE / "results" / f"{datetime.date.today():%Y-%m-%d}-{args.name}"
    lines = [
        f"# {stem.name}",
        "",
        f"`python {' '.join(sys.argv)}`, {os.cpu_count()} cores, Debian's chromium. {good.sum()} of "
        f"{len(table)} uploads became a complete imputed CSV (every value a number, none negative). "
        "Seconds: from the first page to the downloaded table, clicks by script.",
        "",
        "| upload | MB | outcome | positions | measured | genes | seconds |",
        "|" + "---|" * 7,
    ]
    for _, row in table.iterrows():
        counts = " | ".join(
            f"{row.get(c, np.nan):,.0f}".replace("nan", "")
            for c in ("positions", "measured", "genes")
        )
        lines.append(
            f"| {row['files']} | {row['MB']:.1f} | {row['outcome']} | {counts} | {row['seconds']:.0f} |"
        )
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print(f"Wrote {stem}.md")
    return int(not good.all())


if __name__ == "__main__":
    sys.exit(main())
