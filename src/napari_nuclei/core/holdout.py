"""Cut an image in two: a part to learn from and a part to be tested on that share no pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import relabel_sequential

from napari_nuclei.core.review import only_checked

if TYPE_CHECKING:
    from napari_nuclei.core.resampling import Window


@dataclass(frozen=True)
class Cut:
    """Two windows that cover an image and share no pixel."""

    training: Window
    held_out: Window


def best_cut(
    labels: NDArray[np.int32], checked: NDArray[np.bool_] | None, share: float
) -> Cut | None:
    """Return the straight cut that comes closest to holding out a share of the checked nuclei.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), int32.
    checked : numpy.ndarray, optional
        Shape (Y, X), bool; None when everything was.
    share : float
        Of the checked nuclei, between 0 and 1. A nucleus that the cut divides is lost for both
        parts, which counts against the cut.

    Returns
    -------
    Cut or None
        None when no straight line has a whole checked nucleus on either side.
    """
    counted, _, _ = relabel_sequential(only_checked(labels, checked))
    boxes = ndimage.find_objects(counted)
    candidates = [
        (cost, cut)
        for axis in (0, 1)
        for cost, cut in _cuts(boxes, axis, labels.shape, share * len(boxes))
    ]
    return min(candidates, key=lambda candidate: candidate[0])[1] if candidates else None


def without_divided(
    labels: NDArray[np.int32], checked: NDArray[np.bool_] | None, window: Window
) -> NDArray[np.bool_]:
    """Return what is checked within a window, except for nuclei that reach beyond it.

    Parameters
    ----------
    labels, checked
        As for `best_cut`, of the whole image.
    window : tuple of slice
        The part of the image that is wanted.

    Returns
    -------
    numpy.ndarray
        In the size of the window, bool.
    """
    inside = np.zeros(labels.shape, bool)
    inside[window] = True
    divided = np.intersect1d(labels[inside], labels[~inside])
    kept = ~np.isin(labels[window], divided[divided > 0])
    return np.asarray(kept if checked is None else kept & checked[window])


def _cuts(
    boxes: list[Window], axis: int, shape: tuple[int, ...], wanted: float
) -> Iterator[tuple[float, Cut]]:
    """Yield each line across an axis with nuclei on both sides, at both ends, with its cost."""
    starts = np.sort([box[axis].start for box in boxes])
    stops = np.sort([box[axis].stop for box in boxes])
    for line in np.unique(stops):
        before = int(np.searchsorted(stops, line, side="right"))
        after = len(boxes) - int(np.searchsorted(starts, line))
        if before and after:
            low, high = _halves(axis, int(line), shape)
            lost = len(boxes) - before - after
            yield abs(after - wanted) + lost, Cut(low, high)
            yield abs(before - wanted) + lost, Cut(high, low)


def _halves(axis: int, line: int, shape: tuple[int, ...]) -> tuple[Window, Window]:
    whole = slice(0, shape[1 - axis])
    low, high = slice(0, line), slice(line, shape[axis])
    return ((low, whole), (high, whole)) if axis == 0 else ((whole, low), (whole, high))
