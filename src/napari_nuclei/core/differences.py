"""What is another nucleus after a segmentation was made again: found, lost, or of another shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core.metrics import overlap_ious

SAME_IOU = 0.8
"""Two nuclei whose IoU is as large differ by what a person would not correct."""


@dataclass(frozen=True)
class Differences:
    """Nuclei of two label images that have no counterpart in the other one.

    Attributes
    ----------
    before, after : tuple of int
        Their ids, in ascending order: those only before, and those only after.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]


def find_differences(before: NDArray[np.int32], after: NDArray[np.int32]) -> Differences:
    """Compare two label images of the same image nucleus by nucleus.

    Parameters
    ----------
    before, after : numpy.ndarray
        Shape (Y, X), int32; 0 is background, and ids need not agree.

    Examples
    --------
    >>> find_differences(np.array([[1, 1, 0, 2]]), np.array([[7, 7, 0, 0]]))
    Differences(before=(2,), after=())
    """
    ids_before, ids_after, iou = overlap_ious(before, after)
    same = iou >= SAME_IOU
    return Differences(_others(before, ids_before[same]), _others(after, ids_after[same]))


def _others(labels: NDArray[np.int32], ids: NDArray[np.int64]) -> tuple[int, ...]:
    """Return the ids of all other nuclei."""
    return tuple(int(found) for found in np.setdiff1d(labels, [0, *ids]))
