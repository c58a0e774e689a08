"""Random training crops: image and labels turned and scaled together, then colours varied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_nuclei.core.targets import distance_to_edge, make_targets


@dataclass(frozen=True)
class AugmentOptions:
    """How far a crop may differ from the image it is taken from.

    Attributes
    ----------
    scale : tuple of float
        Smallest and largest enlargement.
    stretch : float
        Largest relative difference between the enlargement of the two axes.
    rotate : bool
        Turn by any angle and mirror.
    gamma, contrast, brightness : float
        Largest deviation of the exponent (as a logarithm), of the factor and of the offset.
    colour : float
        Largest deviation of a single channel's factor; leaves grey images grey.
    blur_px : float
        Largest sigma of the Gaussian blur.
    noise : float
        Largest standard deviation of the added noise.
    """

    scale: tuple[float, float] = (0.5, 2.0)
    stretch: float = 0.15
    rotate: bool = True
    gamma: float = 0.35
    contrast: float = 0.25
    brightness: float = 0.1
    colour: float = 0.15
    blur_px: float = 1.2
    noise: float = 0.06


NO_AUGMENTATION = AugmentOptions((1.0, 1.0), 0, False, 0, 0, 0, 0, 0, 0)
"""Plain crops at random places."""


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
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.int32]
    distance: NDArray[np.uint8]


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


def make_source(image: NDArray[np.float32], labels: NDArray[np.integer]) -> Source:
    """Pack a prepared image and its labels.

    Parameters
    ----------
    image : numpy.ndarray
        Shape (Y, X, 3), float32, in [0, 1], as `napari_nuclei.core.images.prepare` returns it.
    labels : numpy.ndarray
        Shape (Y, X), integer.
    """
    is_grey = bool((np.ptp(image, axis=-1) == 0).all())
    return Source(
        _to_uint8(image[..., :1] if is_grey else image),
        labels.astype(np.int32),
        _to_uint8(distance_to_edge(labels)),
    )


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
    matrix = _random_matrix(options, rng)
    centre = _random_centre(source.labels.shape, matrix, tile_px, rng)
    places = _source_coordinates(matrix, centre, tile_px)
    image = np.stack([_sample(channel, places) for channel in np.moveaxis(source.image, -1, 0)], -1)
    labels = ndimage.map_coordinates(source.labels, places, order=0, mode="mirror")
    distance = _sample(source.distance, places) * (labels > 0)
    return Crop(_vary_colours(image, options, rng), make_targets(labels, distance))


def _to_uint8(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.round(values * 255).astype(np.uint8)


def _sample(values: NDArray[np.uint8], places: NDArray[np.float64]) -> NDArray[np.float32]:
    sampled = ndimage.map_coordinates(values, places, np.float32, order=1, mode="mirror")
    return np.asarray(sampled / np.float32(255))


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
    shape: tuple[int, ...],
    matrix: NDArray[np.float64],
    tile_px: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the crop's centre in the image, off the rim as far as the image's size allows."""
    half_px = np.abs(matrix).sum(axis=1) * tile_px / 2
    size_px = np.array(shape, float)
    low = np.minimum(half_px, size_px / 2)
    centre: NDArray[np.float64] = rng.uniform(low, size_px - low)
    return centre


def _source_coordinates(
    matrix: NDArray[np.float64], centre: NDArray[np.float64], tile_px: int
) -> NDArray[np.float64]:
    """Return the place in the image of each pixel of the crop, shape (2, T, T)."""
    offsets = np.arange(tile_px) - (tile_px - 1) / 2
    grid = np.stack(np.meshgrid(offsets, offsets, indexing="ij"))
    places: NDArray[np.float64] = np.tensordot(matrix, grid, axes=1)
    return np.asarray(places + (centre - 0.5)[:, np.newaxis, np.newaxis])


def _vary_colours(
    image: NDArray[np.float32], options: AugmentOptions, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Vary brightness, contrast, colours, sharpness and noise; return three channels in [0, 1]."""
    channels = image.shape[-1]
    varied: NDArray[Any] = image ** np.exp(rng.uniform(-options.gamma, options.gamma))
    varied = varied * (1 + rng.uniform(-options.contrast, options.contrast))
    varied = varied + rng.uniform(-options.brightness, options.brightness)
    if channels == 3:
        varied = varied * (1 + rng.uniform(-options.colour, options.colour, 3))
    sigma_px = _half_of_the_time(options.blur_px, rng)
    if sigma_px:
        varied = ndimage.gaussian_filter(varied, (sigma_px, sigma_px, 0))
    noise = _half_of_the_time(options.noise, rng)
    if noise:
        varied = varied + noise * rng.standard_normal(image.shape, np.float32)
    clipped = np.clip(varied, 0, 1).astype(np.float32)
    return clipped if channels == 3 else np.repeat(clipped, 3, axis=-1)


def _half_of_the_time(largest: float, rng: np.random.Generator) -> float:
    return max(0.0, rng.uniform(-largest, largest))
