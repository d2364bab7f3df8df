"""Tissue images beside the counts, in scanpy's layout: what squidpy and scanpy plot spots on.

``uns["spatial"][library]`` holds ``images`` (``hires``, ``lowres``), ``scalefactors`` and
``metadata``.
"""

from __future__ import annotations

import json
import math
import numbers

import numpy as np
from PIL import Image

from s2s_core.errors import S2SError
from s2s_core.readers.preflight import MAX_PIXELS
from s2s_core.readers.source import Source

SPATIAL = "spatial"
SIZES = ("hires", "lowres")
FORMATS = ("PNG", "JPEG")
MAX_JSON = 2**20


def found(
    source: Source, library: str, beside: str, metadata: dict
) -> tuple[dict, tuple[str, ...]]:
    """(uns, notes) of the images and scale factors nearest to a file.

    Parameters
    ----------
    source : Source
    library : str
        Name of the section, the key of the layout.
    beside : str
        File of the counts, which several images may lie around.
    metadata : dict of str
    """
    scales = scalefactors(source, beside)
    images, notes = {}, []
    for size in SIZES:
        name = source.nearest(
            beside,
            f"tissue_{size}_image.png",
            f"tissue_{size}_image.jpg",
            f"tissue_{size}_image.png.gz",
        )
        if name is None or f"tissue_{size}_scalef" not in scales:
            continue
        try:
            images[size] = _picture(source, name)
        except S2SError as error:
            notes.append(str(error))
    if not images:
        return {}, tuple(notes)
    layout = {"images": images, "scalefactors": scales, "metadata": metadata}
    notes.append("The tissue image is kept and goes with the results.")
    return {SPATIAL: {library: layout}}, tuple(notes)


def kept(spatial) -> dict:
    """Images and scale factors of ``uns["spatial"]``; {} where there are none."""
    libraries = {}
    for library, layout in spatial.items() if isinstance(spatial, dict) else ():
        if not isinstance(layout, dict):
            continue
        parts = {
            key: value if isinstance(value := layout.get(key), dict) else {}
            for key in ("images", "scalefactors", "metadata")
        }
        images = {size: np.asarray(image) for size, image in parts["images"].items()}
        images = {size: image for size, image in images.items() if _is_image(image)}
        scales = {
            k: float(v) for k, v in parts["scalefactors"].items() if isinstance(v, numbers.Real)
        }
        words = {k: v for k, v in parts["metadata"].items() if isinstance(v, str)}
        if images:
            libraries[library] = {"images": images, "scalefactors": scales, "metadata": words}
    return {SPATIAL: libraries} if libraries else {}


def _is_image(image: np.ndarray) -> bool:
    return image.dtype.kind in "uif" and image.ndim in (2, 3) and 0 < image.size <= 4 * MAX_PIXELS


def _picture(source: Source, name: str) -> np.ndarray:
    """(height, width, 3) uint8."""
    display_name = source.display_name(name)
    try:
        with source.open(name) as file, Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise S2SError(f"The image {display_name!r} is too large and was left out.")
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, S2SError):
            raise
        raise S2SError(f"The image {display_name!r} is damaged and was left out.") from error


def scalefactors(source: Source, beside: str) -> dict[str, float]:
    """Scale factors nearest to a file; none where there is no such file."""
    name = source.nearest(beside, "scalefactors_json.json", "scalefactors_json.json.gz")
    if name is None:
        return {}
    try:
        with source.open(name) as file:
            found = json.loads(file.read(MAX_JSON))
        return {
            str(k): float(v)
            for k, v in found.items()
            if isinstance(v, numbers.Real) and math.isfinite(v)
        }
    except (ValueError, AttributeError, OverflowError, RecursionError, OSError) as error:
        raise S2SError(
            f"{source.display_name(name)!r} is damaged; copy it again, or leave it out."
        ) from error
