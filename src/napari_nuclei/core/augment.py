"""Random training crops: image and labels turned and scaled together, then the look varied."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.transform import resize

from napari_nuclei.core import appearance
from napari_nuclei.core.appearance import AppearanceOptions
from napari_nuclei.core.diameter import DiameterRange, median_diameter_px
from napari_nuclei.core.resampling import scaled_shape
from napari_nuclei.core.review import only_checked
from napari_nuclei.core.targets import distance_to_edge, make_targets


@dataclass(frozen=True)
class AugmentOptions:
    """How far a crop may differ from the image it is taken from.

    Attributes
    ----------
    scale : tuple of float
        Smallest and largest enlargement, before `stretch`.
    stretch : float
        How far each axis, by itself, may be enlarged or reduced besides: the largest logarithm.
    rotate : bool
        Turn by any angle and mirror.
    near_nucleus_share : float
        Share of the crops that are taken near a nucleus instead of anywhere.
    look : AppearanceOptions
        Colours, exposure and sharpness.
    """

    scale: tuple[float, float] = (0.6, 1.7)
    stretch: float = 0.15
    rotate: bool = True
    near_nucleus_share: float = 0.75
    look: AppearanceOptions = field(default_factory=AppearanceOptions)


NO_AUGMENTATION = AugmentOptions((1.0, 1.0), 0, False, 0, appearance.UNCHANGED)
"""Plain crops at random places."""


CALM = AugmentOptions(scale=(0.8, 1.25), stretch=0.05, look=appearance.CALM)
"""Crops nearer to what a network is shown in use: sizes, proportions and colours vary less."""


@dataclass(frozen=True)
class Source:
    """A whole image that crops are taken from, kept small: a data set of them stays in memory.

    Attributes
    ----------
    image : numpy.ndarray
        Shape (Y, X, C), uint8, with one channel for grey and three for colour.
    labels : numpy.ndarray
        Shape (Y, X), int32.
    distance : numpy.ndarray
        Shape (Y, X), uint8: `napari_nuclei.core.targets.distance_to_edge` times 255.
    enlargement : float
        By which a crop has to be enlarged to show the nuclei in a size that was asked for.
    checked : numpy.ndarray, optional
        Shape (Y, X), bool: where the labels are known to be right; None: everywhere.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.int32]
    distance: NDArray[np.uint8]
    enlargement: float = 1.0
    checked: NDArray[np.bool_] | None = None

    @cached_property
    def nucleus_pixels(self) -> NDArray[np.int64]:
        """Flat indices of the pixels of nuclei that are known to be right."""
        is_nucleus = self.labels > 0
        return np.flatnonzero(is_nucleus if self.checked is None else self.checked & is_nucleus)

    @cached_property
    def checked_pixels(self) -> NDArray[np.int64]:
        """Flat indices of the pixels that are known to be right; none where all of them are."""
        return np.flatnonzero([] if self.checked is None else self.checked)


@dataclass(frozen=True)
class Crop:
    """A training crop.

    Attributes
    ----------
    image : numpy.ndarray
        Shape (T, T, 3), float32, in [0, 1].
    target : numpy.ndarray
        Shape (T, T, 4), float32, as `napari_nuclei.core.targets.make_targets`.
    """

    image: NDArray[np.float32]
    target: NDArray[np.float32]


def make_source(
    image: NDArray[np.float32],
    labels: NDArray[np.int32],
    diameters: DiameterRange | None = None,
    checked: NDArray[np.bool_] | None = None,
) -> Source:
    """Pack a prepared image and its labels.

    Parameters
    ----------
    image : numpy.ndarray
        Shape (Y, X, 3), float32, in [0, 1], as `napari_nuclei.core.images.prepare` returns it.
    labels : numpy.ndarray
        Shape (Y, X), int32.
    diameters : DiameterRange, optional
        The sizes in which crops show the nuclei; without it, or without a nucleus, the image keeps
        its scale.
    checked : numpy.ndarray, optional
        Shape (Y, X), bool: where the labels are known to be right; by default everywhere.
    """
    is_grey = bool((np.ptp(image, axis=-1) == 0).all())
    image = image[..., :1] if is_grey else image
    distance = distance_to_edge(labels)
    typical_px = median_diameter_px(only_checked(labels, checked))
    enlargement = diameters.enlargement(typical_px) if diameters else 1.0
    if enlargement < 1:
        # Here, once and with a filter: a crop that skipped pixels would show noise of its own.
        rows, columns = labels.shape
        shape = scaled_shape((rows, columns), enlargement)
        image, distance = (resize(a, shape, order=1, anti_aliasing=True) for a in (image, distance))
        labels = resize_nearest(labels, shape)
        checked = None if checked is None else resize_nearest(checked, shape)
        enlargement = 1.0
    packed = _to_uint8(image), labels, _to_uint8(distance)
    return Source(*packed, enlargement, checked)


def random_crop(
    source: Source, tile_px: int, options: AugmentOptions, rng: np.random.Generator
) -> Crop:
    """Take one crop at a random place, turned and coloured at random.

    Parameters
    ----------
    source : Source
        Of any size. Where the crop reaches beyond the image, the image is mirrored.
    tile_px : int
        Side of the crop.
    options : AugmentOptions
        How far the crop may differ from the image.
    rng : numpy.random.Generator
        The same state gives the same crop.
    """
    matrix = _random_matrix(options, rng) / source.enlargement
    centre = _random_centre(source, matrix, tile_px, options.near_nucleus_share, rng)
    places = _source_coordinates(matrix, centre, tile_px)
    image = np.stack([_sample(channel, places) for channel in np.moveaxis(source.image, -1, 0)], -1)
    labels = ndimage.map_coordinates(source.labels, places, order=0, mode="mirror")
    distance = _sample(source.distance, places) * (labels > 0)
    weight = None if source.checked is None else _sample_nearest(source.checked, places)
    return Crop(appearance.vary(image, options.look, rng), make_targets(labels, distance, weight))


def resize_nearest(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return values, such as labels, in another size; each is that of the nearest pixel."""
    resized = resize(values, shape, order=0, preserve_range=True, anti_aliasing=False)
    return np.asarray(resized, values.dtype)


def _to_uint8(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.round(values * 255).astype(np.uint8)


def _sample(values: NDArray[np.uint8], places: NDArray[np.float64]) -> NDArray[np.float32]:
    sampled = ndimage.map_coordinates(values, places, np.float32, order=1, mode="mirror")
    return np.asarray(sampled / np.float32(255))


def _sample_nearest(values: NDArray[np.bool_], places: NDArray[np.float64]) -> NDArray[np.float32]:
    sampled = ndimage.map_coordinates(values.view(np.uint8), places, order=0, mode="mirror")
    return np.asarray(sampled, np.float32)


def _random_matrix(options: AugmentOptions, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the 2x2 matrix from crop pixels to image pixels."""
    low, high = np.log(options.scale)
    enlargement = np.exp(rng.uniform(low, high))
    stretch = np.exp(rng.uniform(-options.stretch, options.stretch, 2))
    matrix = np.diag(1 / (enlargement * stretch))
    if options.rotate:
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = matrix @ turn @ np.diag(rng.choice([-1.0, 1.0], 2))
    return matrix


def _random_centre(
    source: Source,
    matrix: NDArray[np.float64],
    tile_px: int,
    near_nucleus_share: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the crop's centre in the image, off the rim as far as the image's size allows."""
    shape = source.labels.shape
    half_px = np.abs(matrix).sum(axis=1) * tile_px / 2
    size_px = np.array(shape, float)
    low = np.minimum(half_px, size_px / 2)
    wanted = _wanted_pixels(source, is_nucleus=rng.random() < near_nucleus_share)
    if wanted.size:
        # Anywhere in the crop, so that the network sees nuclei at its rim as often as inside.
        pixel = np.array(np.unravel_index(rng.choice(wanted), shape), float)
        reach_px = (tile_px - 1) / 2
        centre = pixel + 0.5 - matrix @ rng.uniform(-reach_px, reach_px, 2)
    else:
        centre = rng.uniform(low, size_px - low)
    return np.asarray(np.clip(centre, low, size_px - low), float)


def _wanted_pixels(source: Source, *, is_nucleus: bool) -> NDArray[np.int64]:
    """Return the pixels of which a crop must show one; none where any crop is as good."""
    # Crops in which nothing is checked would teach nothing.
    is_found = is_nucleus and source.nucleus_pixels.size
    return source.nucleus_pixels if is_found else source.checked_pixels


def _source_coordinates(
    matrix: NDArray[np.float64], centre: NDArray[np.float64], tile_px: int
) -> NDArray[np.float64]:
    """Return the place in the image of each pixel of the crop, shape (2, T, T)."""
    offsets = np.arange(tile_px) - (tile_px - 1) / 2
    grid = np.stack(np.meshgrid(offsets, offsets, indexing="ij"))
    places: NDArray[np.float64] = np.tensordot(matrix, grid, axes=1)
    return np.asarray(places + (centre - 0.5)[:, np.newaxis, np.newaxis])
