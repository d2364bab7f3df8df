"""The map viewer in a real browser without a GPU: bytes and time of a gene switch, frames of a pan.

    python -m benchmarks.viewer [NAME]

A Streamlit server with nothing but the viewer (:mod:`benchmarks.viewer_page`) and Debian's chromium
with software rendering, both on this machine. Bytes are those of the websocket. Written to
benchmarks/results/DATE-NAME.md (NAME: viewer).
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# Positions, maps, lattice.
CASES = (
    (6_700, 6, "hex"),
    (6_700, 6, "square"),
    (100_000, 1, "hex"),
    (100_000, 6, "hex"),
    (500_000, 1, "square"),
    (500_000, 6, "square"),
)
SWITCHES = 5
# Drags the first map by 3 pixels a frame and tells how long the frames took.
PAN = """async (frames) => {
  const root = [...document.querySelectorAll('*')].find(e => e.shadowRoot?.querySelector('.area')).shadowRoot;
  const area = root.querySelector('.area'), box = area.getBoundingClientRect();
  const fire = (type, dx, to) => to.dispatchEvent(new MouseEvent(type, {bubbles: true, composed: true,
    cancelable: true, view: window, button: 0, buttons: 1, clientX: box.x + box.width / 2 + dx, clientY: box.y + box.height / 2}));
  const next = () => new Promise(requestAnimationFrame);
  fire('mousedown', 0, area);
  const times = [];
  let last = await next();
  for (let i = 1; i <= frames; i++) {
    fire('mousemove', i % 40 < 20 ? 3 * (i % 20) : 60 - 3 * (i % 20), window);
    const now = await next();
    times.push(now - last);
    last = now;
  }
  fire('mouseup', 0, window);
  return times.slice(10);
}"""


def serve() -> tuple[subprocess.Popen, str]:
    """Start the page on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "benchmarks/viewer_page.py"]
        + [
            "--server.port",
            str(port),
            "--server.headless",
            "true",
            "--server.address",
            "127.0.0.1",
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5):
                return process, url
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the page did not start")


def measure(browser, url: str, case: tuple[int, int, str]) -> dict[str, float]:
    """Figures of one case."""
    count, maps, lattice = case
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    received: list[int] = []
    page.on("websocket", lambda ws: ws.on("framereceived", lambda data: received.append(len(data))))
    cdp = page.context.new_cdp_session(page)
    # Processor time: other work on the machine does not count.
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        told = cdp.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in told if m["name"] == "TaskDuration")

    viewer = page.locator(".viewer")
    start = time.perf_counter()
    page.goto(f"{url}/?n={count}&maps={maps}&lattice={lattice}")
    page.locator(".viewer[data-title=GENE0]").wait_for(timeout=120_000)
    first, first_bytes = time.perf_counter() - start, sum(received)
    page.wait_for_timeout(1500)
    took, sent, worked, wall = [], [], [], []
    for i in range(1, SWITCHES + 1):
        received.clear()
        before, start = busy(), time.perf_counter()
        page.get_by_role("button", name="Next").click()
        page.locator(f".viewer[data-title=GENE{i % 4}]").wait_for(timeout=60_000)
        wall.append(time.perf_counter() - start)
        page.wait_for_timeout(1200)
        took.append(float(viewer.get_attribute("data-took")))
        sent.append(sum(received))
        worked.append(1000 * (busy() - before))
    for _ in range(3):
        page.get_by_role("button", name="Zoom in").click()
    page.wait_for_timeout(600)
    frames = page.evaluate(PAN, 120)
    page.close()
    return {
        "first": first,
        "first_kb": first_bytes / 1000,
        "switch_kb": statistics.median(sent) / 1000,
        "took": statistics.median(took),
        "busy": statistics.median(worked),
        "wall": 1000 * statistics.median(wall),
        "frame": statistics.median(frames),
        "slow": sorted(frames)[int(0.95 * len(frames))],
    }


def main() -> None:
    """Measure all cases and write the table."""
    name = sys.argv[1] if len(sys.argv) > 1 else "viewer"
    server, url = serve()
    rows = []
    try:
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            for case in CASES:
                page = browser.new_page()
                # The section is made once a server and case: not part of the first map.
                page.goto(f"{url}/?n={case[0]}&maps={case[1]}&lattice={case[2]}")
                page.locator(".viewer[data-title]").wait_for(timeout=120_000)
                page.close()
                rows.append((case, measure(browser, url, case)))
                print(case, {k: round(v, 1) for k, v in rows[-1][1].items()}, flush=True)
            browser.close()
    finally:
        server.terminate()
    when = datetime.now(UTC).date()
    load = os.getloadavg()[1]
    lines = [
        f"# The map viewer in the browser ({when})",
        "",
        f"`python -m benchmarks.viewer`: chromium without a GPU (software GL), 1280 x 900, {os.cpu_count()} cores, "
        f"load average {load:.1f}. First map: from the address to the screen on a server that has made the section. "
        f"Gene switch: medians of {SWITCHES}; bytes of the websocket; in the browser: from the message to its maps on the screen; "
        "busy: main thread, the finer second drawing included; wall: from the click, with the server's part. "
        "Pan: frames of a drag, zoomed in 3.4 times.",
        "",
        "| positions | maps | lattice | first map s | its kB | switch kB | in the browser ms | busy ms | wall ms | pan, median frame ms | 95 % of frames below ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (count, maps, lattice), r in rows:
        lines.append(
            f"| {count:,} | {maps} | {lattice} | {r['first']:.1f} | {r['first_kb']:,.0f} | {r['switch_kb']:,.1f} | {r['took']:.0f} "
            f"| {r['busy']:.0f} | {r['wall']:.0f} | {r['frame']:.0f} | {r['slow']:.0f} |"
        )
    out = ROOT / "benchmarks" / "results" / f"{when}-{name}.md"
    out.write_text("\n".join(lines) + "\n")
    print(out)


if __name__ == "__main__":
    main()
