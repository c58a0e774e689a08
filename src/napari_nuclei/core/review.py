"""What a person has checked of a label image: only that is learnt from, and only that is scored."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import disk
from skimage.segmentation import relabel_sequential

RIM_PX = 4
"""How far around a checked nucleus the background counts as checked, too."""

_CHECKED_SHARE = 0.5


@dataclass(frozen=True)
class Rectangle:
    """A part of an image that was looked at as a whole: rows `top` to `bottom`, without the last.

    Attributes
    ----------
    top, left, bottom, right : int
        In pixels; what lies outside of the image is left out.
    """

    top: int
    left: int
    bottom: int
    right: int

    @property
    def window(self) -> tuple[slice, slice]:
        """The rectangle as an index of an image."""
        top, left = max(0, self.top), max(0, self.left)
        return slice(top, max(top, self.bottom)), slice(left, max(left, self.right))


def checked_mask(
    labels: NDArray[np.integer],
    touched: NDArray[np.bool_] | None = None,
    accepted: Collection[int] = (),
    rectangles: Collection[Rectangle] = (),
) -> NDArray[np.bool_]:
    """Return the pixels whose label somebody vouches for.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), integer, after the corrections.
    touched : numpy.ndarray, optional
        Shape (Y, X), bool: what was painted, erased or deleted. A nucleus that was painted counts
        as a whole; where one was deleted, the labels are 0, which teaches background.
    accepted : collection of int
        Ids of nuclei that were found to be right as they are. An id that is gone counts nothing.
    rectangles : collection of Rectangle
        Parts in which everything is right, the background included.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X), bool. Nuclei bring the background within `RIM_PX` along: without it the
        network would not learn where they end.
    """
    touched = np.zeros(labels.shape, bool) if touched is None else touched
    painted = np.unique(labels[touched])
    whole = np.union1d(painted[painted > 0], np.array(sorted(accepted), np.int64))
    nuclei = np.where(np.isin(labels, whole[whole > 0]), labels, 0)
    # Of two nuclei that touch, only the checked one: its neighbour is no background.
    rim = ndimage.binary_dilation(nuclei > 0, disk(RIM_PX)) & (labels == 0)
    checked: NDArray[np.bool_] = touched | (nuclei > 0) | rim
    for rectangle in rectangles:
        checked[rectangle.window] = True
    return checked


def with_earlier(
    labels: NDArray[np.int32],
    checked: NDArray[np.bool_],
    earlier: NDArray[np.int32],
    earlier_checked: NDArray[np.bool_],
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return labels with what was checked of earlier ones of the same image, where nothing is now.

    Parameters
    ----------
    labels, earlier : numpy.ndarray
        Shape (Y, X), int32; a nucleus need not have the same id in both.
    checked, earlier_checked : numpy.ndarray
        Shape (Y, X), bool. An earlier nucleus of which any pixel is checked now is left out: it was
        looked at again.

    Returns
    -------
    labels, checked : numpy.ndarray
        As above, with ids from 1 on; those that come from `earlier` follow the others.

    Examples
    --------
    >>> now, before = np.array([[1, 0, 2]], np.int32), np.array([[0, 0, 9]], np.int32)
    >>> with_earlier(now, now == 1, before, before == 9)[0].tolist()
    [[1, 0, 3]]
    """
    seen_again = np.isin(earlier, _ids(earlier[checked]))
    added = earlier_checked & ~checked & ~seen_again
    # Whole, although a reviewed rectangle may have cut it: a part is no nucleus.
    taken = added | np.isin(earlier, _ids(earlier[added]))
    # Sequential first: ids may be near the end of int32.
    low, high = (relabel_sequential(one)[0] for one in (labels, earlier))
    moved = np.where(high > 0, high + low.max(initial=0), 0)
    return np.where(taken, moved, low).astype(np.int32), checked | added


def _ids(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    ids = np.unique(labels)
    return ids[ids > 0]


def only_checked(labels: NDArray[np.int32], checked: NDArray[np.bool_] | None) -> NDArray[np.int32]:
    """Return the labels without the nuclei of which less than half was checked.

    Two label images can be compared that way although parts of the truth are not known: a predicted
    nucleus that matches a checked one lies in the checked part by half at least.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), int32: true or predicted.
    checked : numpy.ndarray, optional
        Shape (Y, X), bool; None when everything was.
    """
    if checked is None:
        return labels
    ids, nucleus = np.unique(labels, return_inverse=True)
    nucleus = nucleus.reshape(labels.shape)
    shares = np.bincount(nucleus[checked], minlength=len(ids)) / np.bincount(nucleus.ravel())
    return np.where((shares >= _CHECKED_SHARE)[nucleus], labels, 0).astype(labels.dtype)


def count_checked(labels: NDArray[np.int32], checked: NDArray[np.bool_] | None) -> int:
    """Return the number of nuclei of which half or more was checked."""
    return int(np.count_nonzero(np.unique(only_checked(labels, checked))))
