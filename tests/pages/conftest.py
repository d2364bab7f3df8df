"""The app without a browser: one page of it after another."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages import _choice, _genes, _state, _upload, _who
from s2s_core.data.simulate import demo_section
from s2s_core.jobs import jobs
from s2s_core.sampling.apply import sample
from tests.pages.screen import Screen

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("data", "sampling", "train", "results")


class App:
    """An AppTest of the whole app with short words for what the tests do."""

    def __init__(self) -> None:
        self.at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        self.at.run()

    def go(self, page: str) -> App:
        """Run a page. Without a browser it runs bare, not within app.py: what app.py does on a
        page switch (keeping widgets) is seen by the browser tests alone."""
        assert page in PAGES
        self.at.switch_page(f"pages/{page}.py").run()
        return self

    def click(self, key: str) -> App:
        self.at.button(key=key).click().run()
        return self

    @property
    def workspace(self):
        return self.at.session_state["workspace"]

    def take(self, section, name="made section") -> App:
        """Open a section as the Data page does."""
        self.workspace.section = section
        self.workspace.name = name
        return self

    def words(self) -> str:
        """Everything that is written on the page."""
        at = self.at
        found = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error, *at.success]
        found += [*at.title, *at.subheader]
        return "\n".join(str(element.value) for element in found)

    def healthy(self) -> App:
        assert not self.at.exception, self.at.exception
        return self

    @property
    def owner(self) -> str:
        """Whose runs this browser lists."""
        return hashlib.sha256(self.at.session_state["browser_token"].encode()).hexdigest()[:32]

    def finish(self) -> jobs.Job:
        """Wait until the run in hand is over."""
        job = jobs.find(self.workspace.job_id)
        for _ in range(600):
            if jobs.state(job).status not in jobs.ACTIVE:
                return job
            time.sleep(0.1)
        raise AssertionError((job.folder / "worker.log").read_text())


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    folder = tmp_path / "runs"
    monkeypatch.setenv("S2S_RUNS", str(folder))
    # The example would train beside every test.
    monkeypatch.setenv("S2S_EXAMPLE", "0")
    monkeypatch.chdir(ROOT)
    return folder


@pytest.fixture
def saved(monkeypatch) -> list[str]:
    """Names under which a browser would save what the pages have offered."""
    names, button = [], st.download_button

    def noted(label, data, file_name, *args, **kwargs):
        names.append(file_name)
        return button(label, data, file_name, *args, **kwargs)

    monkeypatch.setattr(st, "download_button", noted)
    return names


@pytest.fixture
def app() -> App:
    return App().healthy()


@pytest.fixture
def sampled():
    return sample(demo_section(rows=20, genes=8), "lattice:2")


@pytest.fixture(name="st")
def made_screen(monkeypatch):
    """Pages draw on a made screen."""
    screen = Screen()
    for module in (_state, _choice, _genes, _upload, _who):
        monkeypatch.setattr(module, "st", screen)
    monkeypatch.setattr(_who, "_from_cookie", lambda: None)
    return screen
