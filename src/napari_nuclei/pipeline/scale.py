"""Show the network nuclei in a size it knows: find out how large they are, and resize."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_nuclei.core.diameter import median_diameter_px
from napari_nuclei.core.instances import NUCLEUS, InstanceOptions, centredness, label_nuclei
from napari_nuclei.core.resampling import (
    Pixels,
    Window,
    needed_window,
    resize_window,
    scaled_shape,
    whole_window,
    window_shape,
)
from napari_nuclei.core.tiling import Grid
from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.prediction import Progress, TileOptions, predict_steps
from napari_nuclei.pipeline.steps import mapped, result_of

if TYPE_CHECKING:
    from napari_nuclei.core.diameter import DiameterRange
    from napari_nuclei.model.predictor import Predictor

_MAX_ENLARGED_PX = 100_000_000

_ZOOMS = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0)
_VIEW_PX = 512
_STRIP_PX = 128
_SMALLEST_VIEW_PX = 48
# Where the network is at its best: of two zooms that agree, the one closer to it is believed more.
# This, and the width of that belief, were chosen on images of the split `train`.
_BEST_SEEN_PX = 30.0
_BELIEF_OCTAVES = 0.5
_ENOUGH_NUCLEI = 3
_LEAST_SUPPORT, _ENOUGH_SUPPORT = 0.1, 0.5
_LARGE_ENOUGH_PX = 24.0
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


@dataclass(frozen=True)
class _Look:
    """What the network sees at one zoom.

    Attributes
    ----------
    zoom : float
    count : int
        Nuclei, at least one.
    seen_px : float
        Their median diameter as they are seen.
    clarity : float
        Median of the highest centredness of each nucleus, 0 to 1.
    """

    zoom: float
    count: int
    seen_px: float
    clarity: float

    @property
    def diameter_px(self) -> float:
        """The diameter in the image itself."""
        return self.seen_px / self.zoom


def predict_resized_steps(
    image: Pixels,
    enlargement: float,
    predictor: Predictor,
    options: TileOptions,
    window: Window | None = None,
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Predict the maps of an image, or of a window of it, from an enlarged or reduced image.

    Parameters
    ----------
    image : Pixels
        Shape (Y, X, 3), float32, as `napari_nuclei.core.images.prepare` returns it.
    enlargement : float
        As `napari_nuclei.core.diameter.DiameterRange.enlargement` gives it.
    predictor : Predictor
        What runs the network.
    options : TileOptions
        How the resized image is cut.
    window : tuple of slice, optional
        Rows and columns of `image`; default: all. Only the tiles that these need are predicted, and
        they are tiles of the whole image: the maps are those of the whole image, too.

    Yields
    ------
    Progress
        After each batch of tiles.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X, 3), float32: nucleus, border, distance, in the size of `image` or `window`.

    Raises
    ------
    InputError
        When the enlarged image would not fit into memory.
    """
    shape = (image.shape[0], image.shape[1])
    seen_shape = scaled_shape(shape, enlargement)
    window = window or whole_window(shape)
    grid = Grid(seen_shape, options.tile_px, options.halo_px)
    part = grid.part_around(needed_window(seen_shape, shape, window))
    height, width = window_shape(part)
    if enlargement > 1 and height * width > _MAX_ENLARGED_PX:
        raise InputError(
            f"Nuclei so small need the image enlarged to {height} x {width} px: choose a "
            "larger diameter or a part of the image."
        )
    pixels = resize_window(image, shape, seen_shape, part)
    maps = yield from predict_steps(pixels, predictor, options)
    origin = part[0].start, part[1].start
    return resize_window(maps, seen_shape, shape, window, origin)


def predict_known(
    image: NDArray[np.float32],
    truth: NDArray[np.int32],
    predictor: Predictor,
    diameters: DiameterRange | None,
) -> NDArray[np.float32]:
    """Predict the maps of an image whose nuclei are known, and shown in a size that fits.

    Parameters
    ----------
    image : numpy.ndarray
        Shape (Y, X, 3), float32, as `napari_nuclei.core.images.prepare` returns it.
    truth : numpy.ndarray
        Shape (Y, X), int32: tells the diameter, and no more.
    predictor : Predictor
        What runs the network.
    diameters : DiameterRange or None
        The sizes of nuclei that it knows; None: it was trained on images at their own scale.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X, 3), float32, in [0, 1].
    """
    enlargement = diameters.enlargement(median_diameter_px(truth)) if diameters else 1.0
    return result_of(predict_resized_steps(image, enlargement, predictor, TileOptions()))


def estimate_diameter_steps(
    image: Pixels,
    predictor: Predictor,
    thresholds: InstanceOptions,
    options: TileOptions,
) -> Generator[Progress, None, float | None]:
    """Estimate how large the nuclei of an image are.

    The image, or a part of it that has nuclei, is looked at from coarse to fine. Nuclei of a size
    that the network knows look twice as large at twice the zoom. Whatever else it takes for nuclei
    does not: textures give pieces of the same size at every zoom, and clumps fall apart.

    Parameters
    ----------
    image : Pixels
        Shape (Y, X, 3), float32, as `napari_nuclei.core.images.prepare` returns it; of a large one,
        only a part is read.
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
    best_support, diameter_px = _LEAST_SUPPORT, None
    coarse: _Look | None = None
    focus = (image.shape[0] / 2, image.shape[1] / 2)
    seen: tuple[NDArray[np.float32], _View] | None = None
    for zoom in _zooms(image.shape):
        if seen and not _shows_all(image.shape, zoom):
            focus = _most_likely_place(*seen)
        view = _view(image, focus, zoom)
        maps = yield from _without_total(predict_steps(view.image, predictor, options))
        seen = maps, view
        fine = _look(maps, label_nuclei(maps, thresholds), zoom)
        if coarse and fine:
            support = _support(coarse, fine)
            if support > best_support:
                best_support, diameter_px = support, _together_px(coarse, fine)
            if support >= _ENOUGH_SUPPORT and fine.seen_px >= _LARGE_ENOUGH_PX:
                break
        coarse = fine
    return diameter_px


def _zooms(shape: tuple[int, ...]) -> Iterator[float]:
    """Yield the sizes worth looking at: not so small that nothing is left of the image."""
    side_px = max(shape[:2])
    yield from (zoom for zoom in _ZOOMS if zoom >= 1 or zoom * side_px >= _SMALLEST_VIEW_PX)


def _shows_all(shape: tuple[int, ...], zoom: float) -> bool:
    """Tell whether a view at this zoom has the whole image, wherever its focus is."""
    return max(shape[:2]) * zoom <= _VIEW_PX


def _view(image: Pixels, focus: tuple[float, float], zoom: float) -> _View:
    """Return what is around the focus, as much as fits into a view."""
    side_px = int(np.ceil(_VIEW_PX / zoom))
    y, x = (
        int(np.clip(middle - side_px / 2, 0, max(0, length - side_px)))
        for middle, length in zip(focus, image.shape, strict=False)
    )
    old = min(side_px, image.shape[0]), min(side_px, image.shape[1])
    new = scaled_shape(old, zoom)
    # In strips: at the coarsest zoom, a view takes in 64 million pixels.
    strips = [
        resize_window(
            image,
            old,
            new,
            (slice(start, min(start + _STRIP_PX, new[0])), slice(0, new[1])),
            (-y, -x),
        )
        for start in range(0, new[0], _STRIP_PX)
    ]
    return _View(np.concatenate(strips), (y, x), zoom)


def _look(maps: NDArray[np.float32], labels: NDArray[np.int32], zoom: float) -> _Look | None:
    seen_px = median_diameter_px(labels)
    if seen_px is None:
        return None
    count = int(labels.max())
    peaks = ndimage.maximum(centredness(maps), labels, np.arange(1, count + 1))
    return _Look(zoom, count, seen_px, float(np.median(peaks)))


def _support(coarse: _Look, fine: _Look) -> float:
    """Return how much two zooms speak for the diameter that they give, 0 to 1.

    They do so where they agree, where their nuclei have clear centres, and where there are some.
    """
    agreement = max(0.0, 1 - abs(np.log2(fine.diameter_px / coarse.diameter_px)))
    plenty = min(1.0, min(coarse.count, fine.count) / _ENOUGH_NUCLEI)
    return float(agreement * min(coarse.clarity, fine.clarity) * plenty)


def _together_px(*looks: _Look) -> float:
    """Return a geometric mean of their diameters, to which the better view of them gives more."""
    diameters = np.log2([look.diameter_px for look in looks])
    octaves_off = np.log2([look.seen_px / _BEST_SEEN_PX for look in looks])
    beliefs = np.exp(-0.5 * (octaves_off / _BELIEF_OCTAVES) ** 2)
    return float(np.exp2(np.average(diameters, weights=beliefs)))


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
    return mapped(steps, lambda _: Progress(0, 0))
