"""Label image -> what the network learns: nucleus, border between nuclei, distance to edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import find_boundaries

TARGETS = ("nucleus", "border", "distance", "weight")
"""Channels of the training target; the last one weighs the pixel in the loss (0: nobody knows)."""

BORDER_PX = 5
"""Two nuclei that both come into a square window of this side have a border between them."""


def distance_to_edge(labels: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return how deep in its nucleus each pixel lies, relative to the nucleus' deepest pixel.

    Relative depth has the same course in small and large nuclei, so one threshold finds the
    centres of both.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), integer, 0 is background; touching nuclei have different ids.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X), float32: 0 in the background, in (0, 1] in a nucleus, 1 at its deepest pixel.
    """
    inside = labels > 0
    if not inside.any():
        return np.zeros(labels.shape, np.float32)
    # Padding makes the image's rim an edge only where a nucleus really ends there.
    padded = np.pad(labels, 1, mode="edge")
    core = (padded > 0) & ~find_boundaries(padded, mode="inner")
    if core.all():  # One nucleus fills the image: there is no edge to measure from.
        return np.ones(labels.shape, np.float32)
    depth_px = ndimage.distance_transform_edt(core)[1:-1, 1:-1] + inside
    # Ids may be huge and far apart: count them anew.
    ids, nucleus = np.unique(labels, return_inverse=True)
    nucleus = nucleus.reshape(labels.shape)
    deepest_px = ndimage.maximum(depth_px, nucleus, np.arange(len(ids)))
    relative = depth_px / np.maximum(deepest_px, 1)[nucleus]
    return np.where(inside, relative, 0).astype(np.float32)


def border_between(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return the pixels with two or more nuclei within a window of `BORDER_PX`.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), integer, 0 is background.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X), bool: the seam of touching nuclei and the narrow gap between close ones.
    """
    highest = ndimage.maximum_filter(labels, BORDER_PX, mode="nearest")
    nowhere = np.int64(labels.max()) + 1
    lowest = ndimage.minimum_filter(
        np.where(labels > 0, labels, nowhere), BORDER_PX, mode="nearest"
    )
    return np.asarray((highest > lowest) & (lowest < nowhere))


def make_targets(
    labels: NDArray[np.integer],
    distance: NDArray[np.float32] | None = None,
    weight: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return the training target of a label image or of a crop of one.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), integer.
    distance : numpy.ndarray, optional
        `distance_to_edge` of the whole image, cropped alike: a nucleus cut by the crop keeps its
        centre. Computed from `labels` when missing.
    weight : numpy.ndarray, optional
        Shape (Y, X), float32; 0 where nobody has checked the labels. All ones when missing.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X, 4), float32, channels as in `TARGETS`.
    """
    distance = distance_to_edge(labels) if distance is None else distance
    weight = np.ones(labels.shape, np.float32) if weight is None else weight
    channels = (labels > 0, border_between(labels), distance, weight)
    return np.stack([channel.astype(np.float32) for channel in channels], axis=-1)
