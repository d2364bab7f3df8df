"""Natural photographs, grayscale: as published for co-learning, standardised for pretraining.

Photographs come from the packages scikit-image and scikit-learn, which ship them, or from a
folder the user names (PNG or JPEG, for example DIV2K).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from s2s_core.errors import S2SError

# Photographs among scikit-image's sample data (not drawings, text or masks).
SKIMAGE = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "chelsea.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "retina.jpg",
    "rocket.jpg",
)
LONGEST = 768
# Photographs kept in memory for co-learning (one of DIV2K takes 3 MB).
KEPT = 128


@lru_cache(maxsize=4)
def load_photographs(folder: str = "", match: str = "") -> tuple[np.ndarray, ...]:
    """Grayscale photographs (h, w), float32 in 0..1.

    Parameters
    ----------
    folder : str
        PNG and JPEG files of this folder; "" takes the packages' own.
    match : str
        Only files of the folder whose name starts with this.

    Raises
    ------
    S2SError
        If the folder holds no readable photograph.
    """
    paths = _package_photographs() if not folder else _folder_photographs(Path(folder), match)
    return tuple(_read(path) for path in paths)


def load_grayscale(folder: str = "") -> tuple[Path, ...]:
    """Photographs for :func:`plain_crop`, as :func:`load_photographs` finds them.

    Raises
    ------
    S2SError
        If the folder holds no photograph, or the first cannot be read.
    """
    paths = _package_photographs() if not folder else _folder_photographs(Path(folder), "")
    _grayscale(paths[0])
    return tuple(paths)


def plain_crop(photographs: tuple[Path, ...], side: int, rng: np.random.Generator) -> np.ndarray:
    """Random crop (side, side) of a random photograph as it is: grayscale in 0..1, float32."""
    photo = _grayscale(photographs[rng.integers(len(photographs))])
    short = [max(0, side - n) for n in photo.shape]
    if any(short):
        photo = np.pad(photo, [(0, s) for s in short], mode="symmetric")
    top, left = (rng.integers(n - side + 1) for n in photo.shape)
    return photo[top : top + side, left : left + side].astype(np.float32) / 255.0


@lru_cache(maxsize=KEPT)
def _grayscale(path: Path) -> np.ndarray:
    """(h, w) uint8 of the whole photograph."""
    return np.asarray(_open(path))


def _package_photographs() -> list[Path]:
    import skimage
    import sklearn

    shipped = Path(skimage.__file__).parent / "data"
    paths = [shipped / name for name in SKIMAGE]
    paths += sorted((Path(sklearn.__file__).parent / "datasets" / "images").glob("*.jpg"))
    return [p for p in paths if p.is_file()]


def _folder_photographs(folder: Path, match: str) -> list[Path]:
    if not folder.is_dir():
        raise S2SError(f"The photograph folder {str(folder)!r} does not exist.")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".png", ".jpg", ".jpeg"})
    paths = [p for p in files if p.name.startswith(match)]
    if not paths:
        raise S2SError(f"The folder {str(folder)!r} holds no PNG or JPEG photograph.")
    return paths


def _read(path: Path) -> np.ndarray:
    image = _open(path)
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    return np.asarray(image, np.float32) / 255.0


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as file:
            return file.convert("L")
    except (UnidentifiedImageError, OSError) as error:
        raise S2SError(f"The photograph {str(path)!r} cannot be read: {error}.") from error


def crop(
    photographs: tuple[np.ndarray, ...], shape: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """Random crop (H, W), random scale and flip, mean 0 and variance 1.

    Crops without structure (clear sky) are drawn again.
    """
    for _ in range(20):
        photo = photographs[rng.integers(len(photographs))]
        zoom = 2.0 ** rng.uniform(-2.0, 0.0)
        zoom = min(1.0, max(zoom, max(s / p for s, p in zip(shape, photo.shape, strict=True))))
        if zoom < 1.0:
            size = (round(photo.shape[1] * zoom), round(photo.shape[0] * zoom))
            photo = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BOX))
        short = [max(0, s - p) for s, p in zip(shape, photo.shape, strict=True)]
        if any(short):
            photo = np.pad(photo, [(0, s) for s in short], mode="symmetric")
        top, left = (rng.integers(p - s + 1) for p, s in zip(photo.shape, shape, strict=True))
        patch = photo[top : top + shape[0], left : left + shape[1]]
        if rng.random() < 0.5:
            patch = patch[:, ::-1]
        if patch.std() > 0.03:
            break
    return ((patch - patch.mean()) / max(float(patch.std()), 1e-3)).astype(np.float32)
