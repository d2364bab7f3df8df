"""A real browser (Debian's chromium) before a real server, both on this machine only."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from s2s_core.data.simulate import demo_section
from s2s_core.jobs import jobs
from s2s_core.sampling.apply import sample
from tests.browser.steps import finish, quiet
from tests.made import made_section

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "tests" / "screenshots"
CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]
HERE = re.compile(r"(http|ws)://127\.0\.0\.1:|data:|blob:|file:")
# Tall enough for the longest page.
TALLEST = 4000


class Server:
    """The app as a process of its own, with one worker at a time."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = runs.parent / "server.log"
        self.start()

    def start(self) -> None:
        told = {"S2S_RUNS": str(self.runs), "S2S_EXAMPLE": "0", "S2S_WORKERS": "1"}
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "pages._serve",
                    "--server.port",
                    str(self.port),
                    "--server.headless",
                    "true",
                ],
                cwd=ROOT,
                env=os.environ | told,
                stdout=log,
                stderr=log,
            )
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(self.log.read_text())

    def kill(self) -> None:
        """SIGKILL: the server has no time to clear up."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.kill()
        # Workers outlive the server on purpose; those of a failed test are asked to stop.
        for folder in self.runs.glob("*/job.json"):
            (folder.parent / "cancel").touch()


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        pytest.skip("no chromium here: install Debian's package of that name")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def common_server(chromium, tmp_path_factory):
    """One server for all tests that leave it running; every browser context has its own runs."""
    server = Server(tmp_path_factory.mktemp("common") / "runs")
    # A fresh server knows no page but the first until somebody has opened that.
    page = chromium.new_page()
    page.goto(server.url)
    page.get_by_role("button", name="Open the demo section").wait_for(timeout=60_000)
    page.close()
    yield server
    server.stop()


@pytest.fixture
def server(common_server, monkeypatch):
    monkeypatch.setenv("S2S_RUNS", str(common_server.runs))
    return common_server


@pytest.fixture
def own_server(chromium, tmp_path, monkeypatch):
    """A server that a test may kill, and whose queue nobody else uses."""
    server = Server(tmp_path / "runs")
    monkeypatch.setenv("S2S_RUNS", str(server.runs))
    yield server
    server.stop()


def is_ours(message) -> bool:
    """Whether a console message is an error that we made."""
    # Opened below a page's path, Streamlit looks for its own end points there first.
    probing = re.search(r"/\w+/_stcore/(health|host-config)$", message.location.get("url", ""))
    return message.type == "error" and not probing


@pytest.fixture
def visitor(chromium):
    """Make browsers of their own that fail the test on console errors and strange requests."""
    contexts, strangers, errors = [], [], []

    def visit(**options):
        context = chromium.new_context(
            viewport={"width": 1440, "height": 1000}, accept_downloads=True, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda r: None if HERE.match(r.url) else strangers.append(r.url))
        page.on("console", lambda m: errors.append(m.text) if is_ours(m) else None)
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.errors = errors
        return page

    yield visit
    for context in contexts:
        context.close()
    assert strangers == []
    assert errors == []


@pytest.fixture
def page(visitor):
    """The browser of a test's only user."""
    return visitor()


@pytest.fixture
def shoot():
    """Keep a screenshot of the whole page, for people to look at."""

    def take(page, name: str, widths: tuple[int, ...] = (1024, 1440)) -> None:
        SHOTS.mkdir(exist_ok=True)
        for width in widths:
            # Streamlit scrolls inside the page: only a tall window shows all of it.
            page.set_viewport_size({"width": width, "height": 1000})
            quiet(page)
            height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
            page.set_viewport_size({"width": width, "height": min(max(1000, height), TALLEST)})
            quiet(page)
            page.screenshot(path=str(SHOTS / f"{name}_{width}.png"))
        page.set_viewport_size({"width": 1440, "height": 1000})
        quiet(page)

    return take


@pytest.fixture
def section():
    """A small section on a hexagonal lattice, with a hole."""
    return demo_section(rows=22, genes=10)


@pytest.fixture
def h5ad(section, tmp_path):
    path = tmp_path / "small.h5ad"
    section.to_anndata().write_h5ad(path)
    return path


@pytest.fixture(scope="session")
def finished_jobs(common_server):
    """A finished run of linear interpolation on each kind of lattice; nobody's, so anyone's."""
    sections = {"hex": demo_section(rows=22, genes=10), "square": made_section("square", 14, 16)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("S2S_RUNS", str(common_server.runs))
        return {
            kind: finish(sample(section, "lattice:2"), f"finished {kind}")
            for kind, section in sections.items()
        }


@pytest.fixture
def finished(finished_jobs, server) -> jobs.Job:
    """The finished run on the hexagonal lattice."""
    return finished_jobs["hex"]
