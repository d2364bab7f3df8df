"""Bundle: a run in one file that can be repeated elsewhere: section, mask, settings and what came out.

Bundles come from elsewhere, so one is read with care: members are fetched by their known names
into a fresh folder, never more bytes than a limit, and nothing else in the archive is touched.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from s2s_core._version import __version__
from s2s_core.assessment.metrics import summarise
from s2s_core.config import RunConfig
from s2s_core.data.format_number import FORMAT_KEY, format_number
from s2s_core.data.mask_table import mask_table
from s2s_core.data.provenance import INPUT_KEY
from s2s_core.data.result import Result, plain
from s2s_core.data.section import Section
from s2s_core.data.store import atomic, load_section, save_section
from s2s_core.errors import S2SError
from s2s_core.output.rendering import render
from s2s_core.output.report_text import methods_text
from s2s_core.output.tables import guard

SECTION, CONFIG, MASK, EXPECTED, VALUES, README = (
    "section.h5ad",
    "config.json",
    "mask.csv",
    "expected.json",
    "imputed.npy",
    "README.txt",
)
# Form of a bundle, written into its EXPECTED (see `format_number`).
BUNDLE_FORMAT = 1
# Largest size of each member that is read.
LIMITS = {SECTION: 2**33, CONFIG: 2**20, EXPECTED: 2**24, VALUES: 2**33}
COPY_AT_ONCE = 2**20
# Another machine or another version of a library rounds differently; log-normalised values that
# differ by less say the same.
CLOSE = 1e-3


@dataclass(frozen=True)
class Bundle:
    """Contents of a bundle.

    Attributes
    ----------
    section : Section
        As it was imputed, hidden values included where the run had them.
    config : RunConfig
    expected : dict
        ``sha256`` of the imputed values, ``scores`` of every method, ``version``, ``versions``.
    imputed : (n, G) float32 array
        The expected map.
    """

    section: Section
    config: RunConfig
    expected: dict
    imputed: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """Comparison of a second run with its bundle: ``level`` is "same", "close" or "different"."""

    level: str
    largest: float
    sentence: str


def write_bundle(result: Result, path: str | Path) -> None:
    """Write a finished run as a zip: input section, settings, mask, README, expected result.

    Known values that a mask hid are part of the section, so that scores can be repeated.
    """
    expected = {
        FORMAT_KEY: BUNDLE_FORMAT,
        "version": result.info.get("version", __version__),
        "versions": result.info.get("versions", {}),
        "method": result.config.method,
        "input": result.section.uns.get(INPUT_KEY),
        "design": result.section.design,
        "shape": list(result.imputed.shape),
        "sha256": fingerprint(result.imputed),
        "scores": _mean_scores(result),
    }
    table = mask_table(result.section)
    table["spot_id"] = table["spot_id"].map(guard)
    words = {
        README: _readme(result),
        CONFIG: result.config.to_json(),
        MASK: table.to_csv(index=False),
        EXPECTED: json.dumps(plain(expected), indent=2),
    }
    with atomic(path) as part, tempfile.TemporaryDirectory(dir=part.parent) as folder:
        files = {SECTION: Path(folder) / SECTION, VALUES: Path(folder) / VALUES}
        save_section(result.section, files[SECTION])
        np.save(files[VALUES], np.asarray(result.imputed, np.float32))
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in words.items():
                archive.writestr(name, text)
            for name, file in files.items():
                archive.write(file, name)


def read_bundle(path: str | Path) -> Bundle:
    """Read :func:`write_bundle` back.

    Raises
    ------
    S2SError
        If the file is no bundle, is damaged, of a newer program, or a part of it is too large.
    """
    path = Path(path)
    if not path.is_file():
        raise S2SError(f"There is no bundle {str(path)!r}; check the path.")
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / name for name in LIMITS}
        try:
            with zipfile.ZipFile(path) as archive:
                for name, file in files.items():
                    _fetch(archive, name, file)
            # First of all: what else is read may have another form.
            expected = json.loads(files[EXPECTED].read_text(encoding="utf-8"))
            format_number(expected, BUNDLE_FORMAT, f"The bundle {path.name!r}")
            section = load_section(files[SECTION])
            config = RunConfig.from_json(files[CONFIG].read_text(encoding="utf-8"))
            # Mapped first: what a header promises is not allocated before the file holds it.
            imputed = np.load(files[VALUES], mmap_mode="r", allow_pickle=False)
            imputed = np.array(imputed, np.float32)
            sha256 = str(expected["sha256"])
        except S2SError:
            raise
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            EOFError,
            KeyError,
            ValueError,
            TypeError,
            AttributeError,
            NotImplementedError,
            RuntimeError,
        ):
            raise S2SError(
                f"{path.name!r} is no bundle of a run, or it is damaged; make it again from the "
                "finished run."
            ) from None
    if imputed.shape != (section.n_positions, len(section.genes)) or fingerprint(imputed) != sha256:
        raise S2SError(
            f"{path.name!r} is damaged: its map does not fit its section or its checksum; make it "
            "again from the finished run."
        )
    return Bundle(section, config, expected, imputed)


def compare(bundle: Bundle, result: Result) -> Comparison:
    """Say whether a second run gave what the bundle expects."""
    differs = 0.0
    for start in range(0, len(bundle.imputed), 1024):
        rows = slice(start, start + 1024)
        off = np.abs(np.asarray(result.imputed[rows]) - bundle.imputed[rows])
        differs = max(differs, float(np.nan_to_num(off, nan=np.inf).max(initial=0.0)))
    then = bundle.expected.get("version")
    made = f" (the bundle was made with version {then}, this is {__version__})"
    made = made if then != __version__ else ""
    if fingerprint(result.imputed) == bundle.expected["sha256"]:
        return Comparison("same", 0.0, f"The result is the same, bit for bit{made}.")
    number = f"imputed values differ by {differs:.3g} at most (log-normalised)"
    if differs < CLOSE:
        return Comparison(
            "close", differs, f"The result is the same but for rounding: {number}{made}."
        )
    scores = _score_changes(bundle, result)
    return Comparison("different", differs, f"The result is not the same: {number}{scores}{made}.")


def fingerprint(values: np.ndarray) -> str:
    """SHA-256 of an (n, G) map as float32, row by row."""
    digest = hashlib.sha256()
    for start in range(0, len(values), 1024):
        digest.update(np.ascontiguousarray(values[start : start + 1024], dtype="<f4").tobytes())
    return digest.hexdigest()


def _fetch(archive: zipfile.ZipFile, name: str, file: Path) -> None:
    """Copy one member; what an archive says about its sizes is not believed."""
    left = LIMITS[name]
    with archive.open(name) as source, file.open("wb") as target:
        while piece := source.read(COPY_AT_ONCE):
            left -= len(piece)
            if left < 0:
                raise S2SError(
                    f"{name!r} in the bundle is larger than {LIMITS[name]:,} bytes; no run makes "
                    "such a bundle."
                )
            target.write(piece)


def _mean_scores(result: Result) -> dict:
    return summarise(result.metrics).to_dict("index") if len(result.metrics) else {}


def _score_changes(bundle: Bundle, result: Result) -> str:
    """Changes of the chosen method's scores, as the end of a sentence."""
    method = bundle.config.method
    scores = bundle.expected.get("scores")
    old = scores.get(method) if isinstance(scores, dict) else None
    new = _mean_scores(result).get(method, {})
    words = [
        f"{text} {old[key]:.3f} before and {new[key]:.3f} now"
        for key, text in (("pcc", "PCC"), ("rmse", "RMSE"))
        if isinstance(old, dict) and isinstance(old.get(key), float) and key in new
    ]
    return f"; {', '.join(words)}" if words else ""


def _readme(result: Result) -> str:
    members = {
        "section": SECTION,
        "config": CONFIG,
        "mask": MASK,
        "imputed": VALUES,
        "expected": EXPECTED,
    }
    version = result.info.get("version", __version__)
    return render(
        "bundle_readme.txt", version=version, members=members, methods=methods_text(result)
    )
