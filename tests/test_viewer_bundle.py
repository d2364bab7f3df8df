"""The bundle of the map viewer: made of the sources beside it, with the licences of what is in it."""

import hashlib
import json
import re

from s2s_core._files import ASSETS, HOME

SOURCES = HOME / "viewer"
BUNDLE = ASSETS / "viewer"


def test_the_bundle_is_made_of_the_sources():
    names = ["package.json", "package-lock.json"]
    names += [f"src/{path.name}" for path in sorted((SOURCES / "src").iterdir())]
    told = hashlib.sha256()
    for name in names:
        text = (SOURCES / name).read_text(encoding="utf-8")
        told.update(name.encode() + b"\0" + text.encode())
    made = [path.name for path in BUNDLE.glob("*.js")]
    assert made == [f"viewer-{told.hexdigest()[:16]}.js"], (
        "run `npm ci && npm run build` in viewer/"
    )


def test_every_library_in_the_bundle_brings_its_licence():
    wanted = json.loads((SOURCES / "package.json").read_text())["dependencies"]
    said = (BUNDLE / "LICENSES.txt").read_text()
    for name in wanted:
        assert re.search(rf"^{re.escape(name)} \d", said, re.MULTILINE), name
    assert said.count("Permission") >= len(wanted)


def test_the_bundle_asks_no_other_host():
    text = next(BUNDLE.glob("*.js")).read_text()
    hosts = set(re.findall(r"https?://([\w.-]+)", text))
    # A name space is no address.
    assert hosts <= {"www.w3.org"}
