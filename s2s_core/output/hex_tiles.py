"""Pictures to lay under a map: hexagons of a lattice as an image, and the file's tissue image.

A marker has a size in screen pixels and tears its lattice apart when one zooms. An image in the
section's own coordinates does not: its hexagons fit at every zoom, and 5,000 of them weigh a few
kilobytes.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageColor
from plotly.colors import get_colorscale, sample_colorscale
from scipy.spatial import cKDTree

from s2s_core.data.grid import lattice_uv
from s2s_core.data.section import Section

# Image pixels from one spot to the next; fewer where the lattice is large.
PIXELS_PER_PITCH = 14.0
MAX_PIXELS = 900_000
LEVELS = 255
TISSUE_EDGE = 1400


@dataclass(frozen=True)
class HexTiling:
    """Tiling of an image by positions: the one that covers each pixel.

    Attributes
    ----------
    owner : (h, w) int32 array
        Index of the covering position, -1 outside the tissue.
    extent : (x0, x1, y0, y1)
        Edges of the image in the section's unit; y0 belongs to the first row.
    """

    owner: np.ndarray
    extent: tuple[float, float, float, float]

    def picture(
        self, values: np.ndarray, low: float, high: float, colours: str | tuple[str, ...]
    ) -> str:
        """PNG (as a data address) of values (n,) between ``low`` and ``high``; NaN is clear."""
        spread = high - low or 1.0
        level = np.clip((np.nan_to_num(values) - low) / spread, 0.0, 1.0) * (LEVELS - 1)
        index = np.where(np.isfinite(values), level.round(), LEVELS).astype(np.uint8)
        # One more entry for pixels that belong to no position (-1 is the last).
        image = Image.fromarray(np.append(index, np.uint8(LEVELS))[self.owner], mode="P")
        image.putpalette(_palette(colours))
        out = io.BytesIO()
        image.save(out, "PNG", transparency=LEVELS, compress_level=2)
        return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def hex_tiling(section: Section) -> HexTiling:
    """Tessellation of a section's tissue positions, kept for the next map of that section."""
    # Sections are rebuilt at every choice of genes or mask; what they look like is not.
    return _hex_tiling(
        section.grid.kind,
        section.grid.affine.tobytes(),
        section.grid.parity,
        np.stack(section.array_index).astype(np.int32).tobytes(),
    )


@lru_cache(maxsize=8)
def _hex_tiling(kind: str, affine: bytes, parity: int, index: bytes) -> HexTiling:
    to_xy = np.frombuffer(affine).reshape(3, 2)
    rows, cols = np.frombuffer(index, np.int32).reshape(2, -1)
    # Of every cell of the lattice, inside the tissue or not, the nearest one owns a point: that
    # cuts the plane into the lattice's own hexagons (or squares) however it is turned.
    margin = 2
    row, col = np.mgrid[
        rows.min() - margin : rows.max() + margin + 1, cols.min() - margin : cols.max() + margin + 1
    ].reshape(2, -1)
    if kind == "hex":
        exists = (row + col) % 2 == parity
        row, col = row[exists], col[exists]
    every = np.column_stack([lattice_uv(kind, row, col), np.ones(len(row))]) @ to_xy
    width = cols.max() - cols.min() + 2 * margin + 1
    place = np.full((rows.max() - rows.min() + 2 * margin + 1) * width, -1, np.int32)
    place[(rows - rows.min() + margin) * width + cols - cols.min() + margin] = np.arange(len(rows))
    owner_of = place[(row - rows.min() + margin) * width + col - cols.min() + margin]
    mine = every[owner_of >= 0]
    pitch = float(np.linalg.norm(to_xy[0]))
    low, high = mine.min(0) - 0.7 * pitch, mine.max(0) + 0.7 * pitch
    scale = min(PIXELS_PER_PITCH / pitch, np.sqrt(MAX_PIXELS / np.prod(high - low)))
    shape = np.maximum(np.ceil((high - low) * scale).astype(int), 1)
    xs = low[0] + (np.arange(shape[0]) + 0.5) * (high[0] - low[0]) / shape[0]
    ys = low[1] + (np.arange(shape[1]) + 0.5) * (high[1] - low[1]) / shape[1]
    points = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    nearest = cKDTree(every).query(points, workers=-1)[1]
    return HexTiling(
        owner_of[nearest].reshape(shape[1], shape[0]), (low[0], high[0], low[1], high[1])
    )


@lru_cache(maxsize=16)
def _palette(colours: str | tuple[str, ...]) -> bytes:
    """Colours of all levels: of a named scale, or equal steps of some hex colours."""
    if isinstance(colours, str):
        at = list(np.linspace(0, 1, LEVELS))
        steps = np.array(sample_colorscale(get_colorscale(colours), at, colortype="tuple")) * 255
    else:
        steps = np.array([ImageColor.getrgb(c) for c in colours])
        steps = steps[np.arange(LEVELS) * len(colours) // LEVELS]
    # One more for what is clear.
    return steps.round().astype(np.uint8).tobytes() + b"\0\0\0"


@dataclass(frozen=True)
class Underlay:
    """An image beneath a map: its address and its edges (x0, x1, y0, y1)."""

    source: str
    extent: tuple[float, float, float, float]


def tissue_image(section: Section) -> Underlay | None:
    """Tissue image that the file brought along, cut to the section; None where there is none.

    Looked for in scanpy's place, ``uns["spatial"][library]["images"]``, whose pixels times
    ``tissue_<name>_scalef`` are the coordinates of the spots.
    """
    found = _stored_image(section.uns)
    if found is None:
        return None
    pixels, scale = found
    low, high = section.xy.min(0) - section.grid.pitch, section.xy.max(0) + section.grid.pitch
    first = np.maximum(np.floor(low * scale), 0).astype(int)
    last = np.minimum(np.ceil(high * scale), [pixels.shape[1], pixels.shape[0]]).astype(int)
    if (last <= first).any():
        return None
    image = Image.fromarray(pixels[first[1] : last[1], first[0] : last[0]])
    image.thumbnail((TISSUE_EDGE, TISSUE_EDGE))
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=80)
    (x0, y0), (x1, y1) = first / scale, last / scale
    source = "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
    return Underlay(source, (x0, x1, y0, y1))


def _stored_image(uns: dict) -> tuple[np.ndarray, float] | None:
    """Pixels (h, w, 3) as bytes and image pixels per unit of the spots' coordinates."""
    for library in _dict(uns.get("spatial")).values():
        images, scales = (_dict(_dict(library).get(k)) for k in ("images", "scalefactors"))
        for name in ("hires", "lowres"):
            pixels, scale = np.asarray(images.get(name, ())), scales.get(f"tissue_{name}_scalef")
            if pixels.ndim != 3 or pixels.shape[2] < 3 or not scale or not float(scale) > 0:
                continue
            if pixels.dtype != np.uint8:
                top = 1.0 if pixels.max() <= 1 else 255.0
                pixels = (np.clip(pixels / top, 0, 1) * 255).astype(np.uint8)
            return pixels[:, :, :3], float(scale)
    return None


def _dict(value) -> dict:
    return value if isinstance(value, dict) else {}
