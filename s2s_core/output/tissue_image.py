"""The file's tissue image, cut to the section, to lie under its maps."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from s2s_core.data.section import Section

# Longest edge in pixels of an image that is sent.
TISSUE_EDGE = 1400


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
