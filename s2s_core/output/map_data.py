"""Maps as bytes for the map viewer: where positions are, sent once, and what their values are.

A message is a JSON head and blobs behind it, deflated::

    uint32 (little endian)   length of the head
    head                     UTF-8; "blobs" lists [offset, length] of each blob behind the head
    blobs                    bytes

Two kinds of message exist. A *place* holds what does not change while one looks at a section
(lattice, tissue, ids, tissue image, colours) and is named by its own hash; *maps* hold values
for one place. Values are levels between the least and the greatest value of their layer: 255
levels in one byte, or 65,535 in two where that is little to send.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from dataclasses import asdict, dataclass

import numpy as np
from plotly.colors import get_colorscale, sample_colorscale

from s2s_core.data.section import Section
from s2s_core.output.figures import micrometres
from s2s_core.output.tissue_image import Underlay
from s2s_core.output.viewer_maps import PALETTES, Maps

STEPS = 256
# Two bytes a value as long as all layers together weigh no more than this.
FINE_BYTES = 24_000
# Ids of more positions than this would weigh megabytes: the viewer then names row and column.
NAMED_MAX = 200_000


@dataclass(frozen=True)
class Layer:
    """Values as levels: ``low + (level - 1) * step``; level 0 is "no value".

    Attributes
    ----------
    levels : (n,) uint8 or uint16 array
    low, step : float
    """

    levels: np.ndarray
    low: float
    step: float

    @property
    def values(self) -> np.ndarray:
        """(n,) float64 array, what a viewer reads; NaN where there is no value."""
        told = self.low + (self.levels.astype(np.float64) - 1) * self.step
        return np.where(self.levels > 0, told, np.nan)


@dataclass(frozen=True)
class Drawn:
    """A stroke: ``inside`` (n,) bool, and whether it replaces, adds to or removes from others."""

    inside: np.ndarray
    mode: str
    tool: str

    def upon(self, before: np.ndarray | None) -> np.ndarray:
        """(n,) bool, what was drawn before (None: nothing) with this stroke."""
        if before is None or self.mode == "replace":
            return self.inside & (self.mode != "remove")
        return before | self.inside if self.mode == "add" else before & ~self.inside


@dataclass(frozen=True)
class Place:
    """A packed place: its name and the bytes to send once."""

    key: str
    message: bytes


def place_of(section: Section, underlay: Underlay | None = None) -> Place:
    """Where the positions of a section are, for the viewer."""
    grid = section.grid
    blobs = {"pixels": np.diff(section.pixels, prepend=0).astype("<i4").tobytes()}
    if section.n_positions <= NAMED_MAX:
        blobs["ids"] = "\n".join(str(i).replace("\n", " ") for i in section.spot_ids).encode()
    for name in PALETTES:
        blobs[f"palette {name}"] = _palette(name)
    image = None
    if underlay is not None:
        blobs["image"] = base64.b64decode(underlay.source.split(",", 1)[1])
        image = {"extent": [float(e) for e in underlay.extent]}
    low, high = section.xy.min(0), section.xy.max(0)
    pad = 0.7 * grid.pitch
    head = {
        "kind": "place",
        "shape": [int(n) for n in grid.shape],
        "hex": grid.kind == "hex",
        "row0": int(grid.row0),
        "col0": int(grid.col0),
        "parity": int(grid.parity),
        "affine": np.asarray(grid.affine, float).tolist(),
        "frame": [
            float(low[0] - pad),
            float(high[0] + pad),
            float(low[1] - pad),
            float(high[1] + pad),
        ],
        "count": section.n_positions,
        "micrometres": micrometres(section),
        "image": image,
    }
    body = json.dumps(head).encode() + b"".join(blobs.values())
    key = hashlib.blake2b(body, digest_size=12).hexdigest()
    return Place(key, pack({**head, "key": key}, blobs))


def maps_message(section: Section, place: str, shown: Maps) -> bytes:
    """Pack values of maps for the place named ``place``."""
    layers = [m.values for m in shown.maps]
    if shown.interval is not None:
        layers += [shown.interval.lower, shown.interval.upper]
    fine = sum(len(v) for v in layers) * 2 <= FINE_BYTES
    blobs: dict[str, bytes] = {}
    told = []
    for i, values in enumerate(layers):
        scale = shown.scales[shown.maps[i].scale] if i < len(shown.maps) else None
        layer = _codes(values) if scale and scale.categories else quantised(values, fine=fine)
        blobs[f"layer {i}"] = layer.levels.tobytes()
        told.append({"bytes": layer.levels.dtype.itemsize, "low": layer.low, "step": layer.step})
    for name, where in (
        ("measured", section.measured),
        ("known", section.known),
        ("region", shown.region),
    ):
        if where is not None:
            blobs[name] = np.packbits(where, bitorder="little").tobytes()
    head = {
        "kind": "maps",
        "place": place,
        "title": shown.title,
        "summary": shown.summary,
        "unit": shown.unit,
        "maps": [{"title": m.title, "scale": m.scale} for m in shown.maps],
        "layers": told,
        "scales": {name: asdict(scale) for name, scale in shown.scales.items()},
        "interval": None if shown.interval is None else shown.interval.label,
        "tools": list(shown.tools),
        "drawing": shown.drawing,
        "name": shown.name,
        "height": shown.height,
        "marked": shown.marked,
    }
    return pack(head, blobs)


def quantised(values: np.ndarray, *, fine: bool = False) -> Layer:
    """Values (n,) as levels between their least and greatest, NaN as 0.

    Parameters
    ----------
    values : (n,) array
    fine : bool
        65,535 levels and not 255.
    """
    values = np.asarray(values, np.float64)
    finite = np.isfinite(values)
    kind = np.uint16 if fine else np.uint8
    most = int(np.iinfo(kind).max) - 1
    low = float(values[finite].min()) if finite.any() else 0.0
    spread = float(values[finite].max()) - low if finite.any() else 0.0
    step = spread / most if spread > 0 else 1.0
    levels = np.zeros(len(values), kind)
    levels[finite] = np.rint((values[finite] - low) / step).astype(kind) + 1
    return Layer(levels, low, step)


def _codes(values: np.ndarray) -> Layer:
    """Codes 0, 1, ... of categories as levels of step 1."""
    shown = np.nan_to_num(np.asarray(values, np.float64), nan=-1.0)
    return Layer((shown + 1).astype(np.uint8), 0.0, 1.0)


def drawn_from(told: object, count: int) -> Drawn | None:
    """The stroke that a browser told of; None where it is none of ``count`` positions.

    What comes from a browser may be anything: only a well-formed stroke is taken.
    """
    if not isinstance(told, dict) or told.get("count") != count:
        return None
    mode, tool, bits = told.get("mode"), str(told.get("tool")), told.get("bits")
    if mode not in ("replace", "add", "remove") or not isinstance(bits, str):
        return None
    try:
        # No more than a stroke of this section can hold, whatever was sent.
        packed = base64.b64decode(bits, validate=True)
        raw = zlib.decompressobj().decompress(packed, count // 8 + 2)
    except (ValueError, zlib.error):
        return None
    if len(raw) != -(-count // 8):
        return None
    inside = np.unpackbits(np.frombuffer(raw, np.uint8), count=count, bitorder="little")
    return Drawn(inside.astype(bool), mode, tool)


def pack(head: dict, blobs: dict[str, bytes]) -> bytes:
    """Deflated message of a head and its blobs."""
    at, index = 0, {}
    for name, blob in blobs.items():
        index[name] = [at, len(blob)]
        at += len(blob)
    words = json.dumps({**head, "blobs": index}, separators=(",", ":"), allow_nan=False).encode()
    return zlib.compress(struct.pack("<I", len(words)) + words + b"".join(blobs.values()), 6)


def unpack(message: bytes) -> tuple[dict, dict[str, bytes]]:
    """Head and blobs of a message: the inverse of :func:`pack`."""
    raw = zlib.decompress(message)
    (length,) = struct.unpack_from("<I", raw)
    head = json.loads(raw[4 : 4 + length])
    blobs = {
        name: raw[4 + length + at : 4 + length + at + size]
        for name, (at, size) in head.pop("blobs").items()
    }
    return head, blobs


def _palette(name: str) -> bytes:
    at = list(np.linspace(0, 1, STEPS))
    colours = np.array(sample_colorscale(get_colorscale(name), at, colortype="tuple"))
    return (colours * 255).round().astype(np.uint8).tobytes()
