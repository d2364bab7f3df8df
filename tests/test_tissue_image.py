"""The tissue image that a file brings: cut, placed, or none."""

import base64
import io
from dataclasses import replace

import numpy as np
from PIL import Image

from s2s_core.output.tissue_image import tissue_image


def test_a_tissue_image_lies_where_the_spots_are(lattice):
    scale = 0.5
    shape = np.ceil((lattice.xy.max(0) + 200) * scale).astype(int)
    image = np.zeros((shape[1], shape[0], 3), np.uint8)
    x, y = (lattice.xy[7] * scale).astype(int)
    image[y - 8 : y + 9, x - 8 : x + 9, 0] = 255
    library = {"images": {"hires": image}, "scalefactors": {"tissue_hires_scalef": scale}}
    found = tissue_image(replace(lattice, uns={"spatial": {"lib": library}}))
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(found.source.split(",")[1]))))
    x0, x1, y0, y1 = found.extent
    at = (lattice.xy - [x0, y0]) / [x1 - x0, y1 - y0] * [picture.shape[1], picture.shape[0]]
    red = picture[at[:, 1].astype(int), at[:, 0].astype(int), 0]
    assert red[7] > 200
    assert (np.delete(red, 7) < 60).all()


def test_a_file_without_an_image_has_none(lattice):
    assert tissue_image(lattice) is None
    assert tissue_image(replace(lattice, uns={"spatial": {"lib": {"images": "nonsense"}}})) is None
