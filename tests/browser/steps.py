"""What users do in a browser, in their words, and runs that need no waiting."""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.path import Path as Polygon

from s2s_core.config import preset
from s2s_core.data.section import Section
from s2s_core.jobs import jobs, runner, worker
from s2s_core.sampling.apply import sample

PLOT = ".js-plotly-plot"
# A map viewer that has drawn its maps.
MAPS = ".viewer[data-title]"
NUMBER = re.compile(r"([\d,]+) (?:spots|positions)")
# Streamlit is done, and nothing on the page has moved over some looks in a row.
QUIET = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  if (!app || app.getAttribute('data-test-script-state') !== 'notRunning') return false;
  const now = [...document.querySelectorAll('button, summary, label, .js-plotly-plot, .stBidiComponent')]
    .map(e => e.getBoundingClientRect()).map(r => [r.x, r.y, r.width, r.height].join()).join(';');
  window.looks = now === window.before ? window.looks + 1 : 0;
  window.before = now;
  return window.looks >= 4;
}"""


def settled(page) -> None:
    """Wait until Streamlit has run the page once."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def quiet(page) -> None:
    """Wait until the page has come to rest."""
    page.evaluate("window.looks = 0")
    page.wait_for_function(QUIET, polling=60)


def open_file(page, server, path: Path) -> None:
    page.goto(server.url)
    page.get_by_role("button", name="Open the demo section").wait_for()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(str(path))
    page.get_by_text(path.name).first.wait_for()
    page.locator(MAPS).first.wait_for()


def open_results(page, server, job: jobs.Job) -> None:
    page.goto(f"{server.url}/imputed?job={job.id}")
    page.get_by_text("Every gene").wait_for()
    page.locator(MAPS).first.wait_for()
    quiet(page)


def open_sampling(page, server, job: jobs.Job) -> None:
    """Sampling with the section of a run."""
    page.goto(f"{server.url}/design?job={job.id}")
    page.get_by_text("Measured spots").first.wait_for()
    page.locator(MAPS).first.wait_for()


def look_at(page, view: str) -> None:
    """Choose one of the views below the maps of Results."""
    page.get_by_role("radio", name=view, exact=True).click()
    quiet(page)


def to_train(page) -> None:
    page.get_by_text("Next: Sampling").click()
    page.get_by_text("Measured spots").first.wait_for()
    page.locator(MAPS).first.wait_for()
    page.get_by_text("Next: Train").click()
    page.get_by_role("button", name="Start").wait_for()


def choose_method(page, label: str) -> None:
    page.get_by_text("More settings").click()
    choose(page, "Method", label)


def choose(page, label: str, option: str) -> None:
    # An expander that is still opening moves the box away from under the click.
    quiet(page)
    box = page.get_by_role("combobox", name=re.compile(label)).first
    box.click()
    page.get_by_role("option").first.wait_for()
    # Typing brings an option of a long list into view.
    box.press_sequentially(option[:12])
    page.get_by_role("option", name=option, exact=True).click()


def metrics(page) -> list[str]:
    return page.get_by_test_id("stMetricValue").all_inner_texts()


def measured_spots(page) -> int:
    return int(metrics(page)[0].replace(",", ""))


def count_in(page, words: str) -> int:
    """The number in front of a sentence on the page."""
    found = page.get_by_text(re.compile(words)).first
    found.wait_for()
    return int(NUMBER.search(found.inner_text())[1].replace(",", ""))


def download(page, name: str, to: Path) -> Path:
    """Press a download button and keep the file under its own name."""
    # While the page is still being made anew, what a button hands over changes under the click.
    quiet(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=re.compile(re.escape(name))).click()
    path = to / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def choose_tool(page, name: str) -> None:
    """Take the lasso, the box or the brush of the first viewer."""
    page.locator(MAPS).first.get_by_role("button", name=re.compile(f"^{name}:")).click()


def draw(page, corners: list[tuple[float, float]], **keys: str) -> None:
    """Drag the mouse over the first map; corners are shares of its width and height."""
    quiet(page)
    area = page.locator(MAPS).first.locator(".area").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*points[0])
    if "held" in keys:
        page.keyboard.down(keys["held"])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()
    if "held" in keys:
        page.keyboard.up(keys["held"])


def map_view(page) -> tuple[float, float, float]:
    """Zoom and shift of the first viewer, in pixels upon the view that shows everything."""
    told = page.locator(MAPS).first.get_attribute("data-view")
    return tuple(map(float, told.split()))


def under(page, section: Section, corners: list[tuple[float, float]]) -> np.ndarray:
    """Positions (n,) that a line through ``corners`` (as for :func:`draw`) goes around.

    Worked out without the viewer: all of the section, half a spot around it, fits into the map.
    """
    box = page.locator(MAPS).first.locator(".area").first.bounding_box()
    size = np.array([box["width"], box["height"]])
    zoom, *shift = map_view(page)
    pad = 0.7 * section.grid.pitch
    low, high = section.xy.min(0) - pad, section.xy.max(0) + pad
    scale = (size / (high - low)).min()
    screen = (np.array(corners) * size - shift) / zoom
    return Polygon((screen - size / 2) / scale + (low + high) / 2).contains_points(section.xy)


def box_corners(first: tuple[float, float], last: tuple[float, float]) -> list[tuple[float, float]]:
    """Corners of the rectangle between two of them."""
    return [first, (last[0], first[1]), last, (first[0], last[1])]


def finish(section: Section, name: str) -> jobs.Job:
    """A finished run of linear interpolation, without a queue."""
    config = preset("fast", method="linear", compare=("nearest",), threads=1)
    job = jobs.create(section, config, name, section.most_variable_gene())
    jobs.write_state(job, replace(jobs.State(), status="running", started=time.time()))
    worker.work(job.folder)
    assert jobs.state(job).status == "done"
    return job


def start_training(section: Section, steps: int = 60, owner: str | None = None) -> jobs.Job:
    """Start a run of a tiny network: training takes seconds and not minutes."""
    fast = preset("fast", compare=("nearest",), programmes=3)
    train = replace(fast.train, steps=steps, splits=1, check_every=10, patience=99)
    model = replace(fast.model, cascades=1, blocks=1, layers=1, features=8, growth=4)
    config = replace(fast, train=train, model=model)
    job = jobs.create(
        sample(section, "lattice:2"), config, "tiny run", str(section.genes[0]), owner=owner
    )
    runner.start(job)
    return job


def freeze(job: jobs.Job, step: int = 1) -> int:
    """Stop the clock of a run once it has trained so far; returns its process id."""
    for _ in range(1200):
        lines = jobs.progress(job)
        if lines and lines[-1]["step"] >= step:
            break
        assert jobs.state(job).status in jobs.ACTIVE
        time.sleep(0.05)
    return hold(job)


def hold(job: jobs.Job) -> int:
    """Stop the clock of a run where it is; returns its process id."""
    process = process_of(job)
    os.kill(process, signal.SIGSTOP)
    assert jobs.state(job).status == "running"
    return process


def next_run() -> jobs.Job:
    """The first run that somebody starts and that works."""
    for _ in range(1200):
        working = [j for j in jobs.all_jobs() if jobs.state(j).status == "running"]
        if working:
            return working[0]
        time.sleep(0.02)
    raise AssertionError("no run was started")


def process_of(job: jobs.Job) -> int:
    """Id of the process that works on a job."""
    # A run is said to be running a moment before its process is there.
    for _ in range(250):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if str(job.folder).encode() in words:
                return int(path.parent.name)
        time.sleep(0.02)
    raise AssertionError(f"no process works on {job.id}")
