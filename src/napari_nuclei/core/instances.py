"""Network maps -> label image: touching nuclei are parted where the maps see a seam."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_nuclei.errors import InputError

NUCLEUS, BORDER, DISTANCE = range(3)
"""Channels of the maps, each in [0, 1]: nucleus and border probability, distance to the edge."""

MAX_MIN_AREA_PX = 1_000_000
"""Largest `min_area_px` of `InstanceOptions`, far above the area of any nucleus."""

_SMOOTH_PX = 1.5
# How far a pixel's smoothed value depends on others: where scipy cuts the bell off.
_SMOOTH_REACH_PX = round(4 * _SMOOTH_PX)
_LEVEL_STEP = 0.2
_BAND_PX = 512


@dataclass(frozen=True)
class _Band:
    """Connected regions that begin in neighbouring rows: they can be labelled by themselves.

    Attributes
    ----------
    rows : slice
        All rows of the regions; those of other bands may reach into them.
    first, last : int
        Numbers of the regions.
    """

    rows: slice
    first: int
    last: int


@dataclass(frozen=True)
class InstanceOptions:
    """Where a nucleus begins, and where one ends and the next begins.

    Attributes
    ----------
    probability : float
        A pixel whose nucleus probability is above this belongs to a nucleus; in (0, 1).
    separation : float
        How deep a seam may lie and still part two nuclei; in (0, 1). Higher values part more.
    min_area_px : int
        Smaller nuclei are dropped; 0 to `MAX_MIN_AREA_PX`.

    Raises
    ------
    InputError
        When a value is out of its range.
    """

    probability: float = 0.5
    separation: float = 0.35
    min_area_px: int = 20

    def __post_init__(self) -> None:
        for name in ("probability", "separation"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(
                    f"The {name} threshold is {getattr(self, name)}: choose one over 0 and under 1."
                )
        if not 0 <= self.min_area_px <= MAX_MIN_AREA_PX:
            raise InputError(
                f"The minimum area is {self.min_area_px}: choose 0 to {MAX_MIN_AREA_PX} pixels."
            )


def label_nuclei(
    maps: NDArray[np.float32], options: InstanceOptions | None = None
) -> NDArray[np.int32]:
    """Turn maps into labels by a watershed that starts from the nuclei's centres.

    Parameters
    ----------
    maps : numpy.ndarray
        Shape (Y, X, 3), float32, in [0, 1]: nucleus, border, distance.
    options : InstanceOptions, optional
        The thresholds.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X), int32: 0 is background, the nuclei are 1 to n, each one connected.

    Notes
    -----
    The centredness of a pixel is its distance to the edge, lowered where a border is likely. Its
    regions above some levels up to `separation` are markers; a region is replaced by those within
    it at the next level where these are two or more. The watershed [1]_ floods from the markers
    over the mask in the order of centredness.

    Regions of the mask that do not touch have nothing to do with each other: large images are
    labelled in bands of rows, on all processors.

    References
    ----------
    .. [1] Meyer, "Topographic distance and watershed lines", Signal Processing 38, 1994.
    """
    options = options or InstanceOptions()
    mask = maps[..., NUCLEUS] > options.probability
    regions = _regions(mask).reshape(mask.shape)
    labels = np.zeros(mask.shape, np.int32)

    def label(band: _Band) -> NDArray[np.int32]:
        own = regions[band.rows]
        return _label_band(maps, band.rows, (own >= band.first) & (own <= band.last), options)

    bands, count = list(_bands(regions)), 0
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for band, found in zip(bands, threads.map(label, bands), strict=True):
            np.add(found, count, out=labels[band.rows], where=found > 0)
            count += int(found.max())
    return labels


def nucleus_mask(maps: NDArray[np.float32], probability: float) -> NDArray[np.int32]:
    """Return int32 (Y, X): 1 where the nucleus probability is above the threshold, else 0."""
    return np.asarray(maps[..., NUCLEUS] > probability, np.int32)


def confine(maps: NDArray[np.float32], *masks: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    """Return maps that are 0 where one of the masks, bool of shape (Y, X), is not; None is none."""
    for mask in masks:
        if mask is not None:
            maps = maps * mask[..., np.newaxis]
    return maps


def centredness(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how central each pixel lies in its nucleus: its distance to edges and borders.

    Parameters
    ----------
    maps : numpy.ndarray
        Shape (Y, X, 3), float32, in [0, 1]: nucleus, border, distance.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X), float32, in [0, 1].
    """
    raw = maps[..., DISTANCE] * (1 - maps[..., BORDER])
    # Single noisy pixels would otherwise become markers of their own.
    smooth: NDArray[np.float32] = ndimage.gaussian_filter(raw, _SMOOTH_PX, mode="nearest")
    return smooth


def _bands(regions: NDArray[np.int32]) -> Iterator[_Band]:
    """Yield bands that have every region once; regions are numbered by their first row."""
    inside = np.flatnonzero(regions)
    numbers, rows = regions.ravel()[inside], inside // regions.shape[1]
    top, bottom = np.zeros((2, int(numbers.max(initial=0)) + 1), np.int64)
    # Of several values for one place the last one stays.
    top[numbers[::-1]] = rows[::-1]
    bottom[numbers] = rows
    starts = np.flatnonzero(np.diff(top[1:] // _BAND_PX, prepend=-1)) + 1
    for first, following in pairwise([*starts, len(top)]):
        end = int(bottom[first:following].max()) + 1
        yield _Band(slice(int(top[first]), end), int(first), int(following) - 1)


def _label_band(
    maps: NDArray[np.float32], rows: slice, mask: NDArray[np.bool_], options: InstanceOptions
) -> NDArray[np.int32]:
    """Return the labels of the rows, 1 to n, for regions that lie in them as a whole."""
    start = max(0, rows.start - _SMOOTH_REACH_PX)
    depth = centredness(maps[start : rows.stop + _SMOOTH_REACH_PX])
    depth = depth[rows.start - start :][: len(mask)]
    labels = _flood(mask, depth, _markers(mask, depth, options.separation))
    return _drop_small(labels, options.min_area_px)


def _markers(
    mask: NDArray[np.bool_], depth: NDArray[np.float32], separation: float
) -> NDArray[np.int32]:
    """Give each part of the mask a number, then part them further, level by level.

    A marker gives way to the regions within it that exceed the next level only if there are two or
    more: so no nucleus is lost at a level that its centre does not reach.
    """
    # Only the pixels of the mask, in one dimension: they are the smaller part of most images.
    inside = np.flatnonzero(mask)
    markers = _regions(mask)[inside]
    for level in np.arange(separation, 0, -_LEVEL_STEP)[::-1]:
        finer = _regions(mask & (depth > level))[inside]
        top = int(markers.max(initial=0))
        parent = np.zeros(int(finer.max(initial=0)) + 1, np.int32)
        parent[finer] = markers
        is_parted = np.bincount(parent[1:], minlength=top + 1) > 1
        replaced = np.where(finer > 0, finer + top, 0)
        markers = np.where(is_parted[markers], replaced, markers)
    spread = np.zeros(mask.shape, np.int32)
    spread.ravel()[inside] = markers
    return spread


def _regions(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the number of the connected part that each pixel is in, flattened."""
    regions: NDArray[np.int32] = ndimage.label(mask)[0].ravel()
    return regions


def _flood(
    mask: NDArray[np.bool_], depth: NDArray[np.float32], markers: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Let the markers grow over the mask, the most central pixels first.

    Most nuclei stand alone and are their own marker: the watershed, by far the slowest part, is
    only for those that were parted.
    """
    # A quarter of a second that opening the widget need not wait for.
    from skimage.segmentation import watershed

    regions = _regions(mask).reshape(mask.shape)
    is_parted = np.zeros(int(regions.max(initial=0)) + 1, bool)
    is_parted[regions[mask & (markers == 0)]] = True
    parted = is_parted[regions]
    flooded = watershed(-depth, markers, mask=parted)
    return np.where(parted, flooded, markers)


def _drop_small(labels: NDArray[np.int32], min_area_px: int) -> NDArray[np.int32]:
    """Drop labels of too small an area, and number the others from 1 in the order they have."""
    areas_px = np.bincount(labels.ravel(), minlength=1)
    is_kept = areas_px >= max(1, min_area_px)
    is_kept[0] = False
    numbers = np.where(is_kept, np.cumsum(is_kept), 0).astype(np.int32)
    return numbers[labels]
