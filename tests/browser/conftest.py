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

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "tests" / "screenshots"
CHROMIUM = shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync", "--disable-background-networking", "--disable-component-update"]


class Server:
    """The app as a process of its own."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = runs.parent / "server.log"
        self.start()

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port",
                 str(self.port), "--server.headless", "true"],
                cwd=ROOT, env=os.environ | {"S2S_RUNS": str(self.runs), "S2S_EXAMPLE": "0"}, stdout=log, stderr=log,
            )  # fmt: skip
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(self.log.read_text())

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        pytest.skip("no chromium here: install Debian's package of that name")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path / "runs")
    yield server
    server.stop()
    # Workers outlive the server on purpose; those of a failed test are asked to stop.
    for folder in (tmp_path / "runs").glob("*/job.json"):
        (folder.parent / "cancel").touch()


def is_ours(message) -> bool:
    """Whether a console message is an error that we made."""
    # Opened below a page's path, Streamlit looks for its own end points there first.
    probing = re.search(r"/\w+/_stcore/(health|host-config)$", message.location.get("url", ""))
    return message.type == "error" and not probing


@pytest.fixture
def page(chromium, server):
    """A page that fails its test on console errors and on requests to other machines."""
    context = chromium.new_context(viewport={"width": 1440, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    strangers, errors = [], []
    page.on(
        "request",
        lambda r: strangers.append(r.url)
        if not r.url.startswith((server.url, "data:", "blob:", f"ws://127.0.0.1:{server.port}"))
        else None,
    )
    page.on("console", lambda m: errors.append(m.text) if is_ours(m) else None)
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.errors = errors
    yield page
    context.close()
    assert strangers == []
    assert errors == []


@pytest.fixture
def shoot():
    """Keep a screenshot at both widths, for people to look at."""

    def take(page, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        for width in (1024, 1440):
            page.set_viewport_size({"width": width, "height": 1000})
            page.wait_for_timeout(800)
            page.screenshot(path=str(SHOTS / f"{name}_{width}.png"), full_page=True)

    return take
