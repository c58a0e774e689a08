"""Show the network nuclei in a size it knows: find out how large they are, and resize."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.transform import resize

from napari_nuclei.core.diameter import median_diameter_px
from napari_nuclei.core.instances import NUCLEUS, InstanceOptions, centredness, label_nuclei
from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.prediction import Progress, TileOptions, predict_steps

if TYPE_CHECKING:
    from napari_nuclei.model.predictor import Predictor

_MAX_ENLARGED_PX = 100_000_000

# From coarse to fine: nuclei that are too small for the network look small to it, or like nothing;
# those that are too large look like many small ones.
_ZOOMS = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
_VIEW_PX = 512
_SMALLEST_VIEW_PX = 48
_SMALLEST_RELIABLE_PX = 14.0
_LEAST_CENTREDNESS = 0.45
_FOCUS_SIGMA = 0.1


@dataclass(frozen=True)
class _View:
    """A part of an image, resized.

    Attributes
    ----------
    image : numpy.ndarray
        Shape (Y, X, 3), at most about `_VIEW_PX` on each side.
    origin : tuple of int
        Its first pixel in the whole image.
    zoom : float
    """

    image: NDArray[np.float32]
    origin: tuple[int, int]
    zoom: float


def scaled_shape(shape: tuple[int, int], zoom: float) -> tuple[int, int]:
    """Return the height and width of a resized image, 1 px at least."""
    return max(1, round(shape[0] * zoom)), max(1, round(shape[1] * zoom))


def predict_resized_steps(
    image: NDArray[np.float32], enlargement: float, predictor: Predictor, options: TileOptions
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Predict the maps of an image from an enlarged or reduced one.

    Parameters
    ----------
    image : numpy.ndarray
        Shape (Y, X, 3), float32, as `napari_nuclei.core.images.prepare` returns it.
    enlargement : float
        As `napari_nuclei.core.diameter.DiameterRange.enlargement` gives it.
    predictor : Predictor
        What runs the network.
    options : TileOptions
        How the resized image is cut.

    Yields
    ------
    Progress
        After each batch of tiles.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X, 3), float32: nucleus, border, distance, in the size of `image`.

    Raises
    ------
    InputError
        When the enlarged image would not fit into memory.
    """
    height, width = image.shape[:2]
    shape = scaled_shape((height, width), enlargement)
    if enlargement > 1 and shape[0] * shape[1] > _MAX_ENLARGED_PX:
        raise InputError(
            f"Nuclei so small need the image enlarged to {shape[0]} x {shape[1]} px: choose a "
            "larger diameter or a part of the image."
        )
    maps = yield from predict_steps(_resize(image, shape), predictor, options)
    return _resize(maps, (height, width))


def estimate_diameter_steps(
    image: NDArray[np.float32],
    predictor: Predictor,
    thresholds: InstanceOptions,
    options: TileOptions,
) -> Generator[Progress, None, float | None]:
    """Estimate how large the nuclei of an image are.

    The image, or a part of it that has nuclei, is looked at in growing sizes, until the nuclei that
    are found are as large as the network needs them.

    Parameters
    ----------
    image : numpy.ndarray
        Shape (Y, X, 3), float32, as `napari_nuclei.core.images.prepare` returns it.
    predictor : Predictor
        What runs the network.
    thresholds : InstanceOptions
        Those of the model.
    options : TileOptions
        How a view is cut.

    Yields
    ------
    Progress
        Without a total: nobody knows yet how many tiles it takes.

    Returns
    -------
    float or None
        Median diameter in pixels of `image`; None when no nucleus was found.
    """
    diameter_px = None
    focus = (image.shape[0] / 2, image.shape[1] / 2)
    for zoom in _zooms(image.shape):
        view = _view(image, focus, zoom)
        steps = predict_steps(view.image, predictor, options)
        maps = yield from _without_total(steps)
        focus = _most_likely_place(maps, view)
        labels = label_nuclei(maps, thresholds)
        seen_px = median_diameter_px(labels)
        if seen_px is None or not _is_convincing(maps, labels):
            continue
        diameter_px = seen_px / zoom
        if seen_px >= _SMALLEST_RELIABLE_PX:
            break
    return diameter_px


def _zooms(shape: tuple[int, ...]) -> Iterator[float]:
    """Yield the sizes worth looking at: not so small that nothing is left of the image."""
    side_px = max(shape[:2])
    yield from (zoom for zoom in _ZOOMS if zoom >= 1 or zoom * side_px >= _SMALLEST_VIEW_PX)


def _view(image: NDArray[np.float32], focus: tuple[float, float], zoom: float) -> _View:
    """Return what is around the focus, as much as fits into a view."""
    side_px = int(np.ceil(_VIEW_PX / zoom))
    y, x = (
        int(np.clip(middle - side_px / 2, 0, max(0, length - side_px)))
        for middle, length in zip(focus, image.shape, strict=False)
    )
    part = image[y : y + side_px, x : x + side_px]
    return _View(_resize(part, scaled_shape((part.shape[0], part.shape[1]), zoom)), (y, x), zoom)


def _is_convincing(maps: NDArray[np.float32], labels: NDArray[np.int32]) -> bool:
    """Tell whether the nuclei have centres, or are only shades of what is too small to see."""
    peaks = ndimage.maximum(centredness(maps), labels, np.arange(1, labels.max() + 1))
    return bool(np.median(peaks) >= _LEAST_CENTREDNESS)


def _most_likely_place(maps: NDArray[np.float32], view: _View) -> tuple[float, float]:
    """Return the place in the whole image around which a view has most nuclei, seen or guessed."""
    probability = maps[..., NUCLEUS]
    sigma_px = [_FOCUS_SIGMA * length for length in probability.shape]
    density = ndimage.gaussian_filter(probability, sigma_px)
    y, x = np.unravel_index(density.argmax(), density.shape)
    return view.origin[0] + y / view.zoom, view.origin[1] + x / view.zoom


def _without_total(
    steps: Generator[Progress, None, NDArray[np.float32]],
) -> Generator[Progress, None, NDArray[np.float32]]:
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            maps: NDArray[np.float32] = finished.value
            return maps
        yield Progress(0, 0)


def _resize(values: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    if values.shape[:2] == shape:
        return values
    shrinks = any(new < old for new, old in zip(shape, values.shape, strict=False))
    resized = resize(values, shape, order=1, mode="edge", anti_aliasing=shrinks)
    return np.asarray(resized, np.float32)
