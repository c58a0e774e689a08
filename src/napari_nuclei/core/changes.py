"""What a person has done to a label image, read from the labels as they were and as they are.

Nothing here counts strokes: a stroke that was undone is no difference any more, and one that was
done again is one again. What somebody found right counts only as long as it is as it was then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core.edits import find
from napari_nuclei.core.measure import measure
from napari_nuclei.core.review import Rectangle, checked_mask

if TYPE_CHECKING:
    from napari_nuclei.core.resampling import Window

_Labels = NDArray[np.integer[Any]]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Seen:
    """A nucleus, or all in a rectangle, that somebody found right, as it was then.

    Attributes
    ----------
    window : tuple of slice
        Rows and columns.
    labels : numpy.ndarray
        Those of the window then.
    nucleus : int
        The id of the only nucleus that is meant; 0: all, the background included.
    """

    window: Window
    labels: _Labels
    nucleus: int = 0

    def still_right(self, labels: _Labels) -> _Mask:
        """Return which pixels of the window are vouched for: those of a nucleus all or none."""
        now = labels[self.window]
        mask: _Mask = now == self.labels
        if self.nucleus:
            mask = self.labels == self.nucleus
            is_larger = (_around(labels, self.window) == self.nucleus).any()
            mask &= np.array_equal(now == self.nucleus, mask) and not is_larger
        return mask

    def nuclei(self, labels: _Labels) -> set[int]:
        """Return the ids of the nuclei that lie in it as a whole, and are as they were."""
        right, now = self.still_right(labels), labels[self.window]
        if self.nucleus:
            return {self.nucleus} if right.any() else set()
        # Nuclei that are larger or smaller now, and such that reach out of the window.
        others = now[~right], self.labels[~right], _around(labels, self.window)
        return set(self._ids[~np.isin(self._ids, np.concatenate(others))].tolist())

    @cached_property
    def _ids(self) -> _Labels:
        """Those of its nuclei, sorted."""
        pixels = self.labels[self.labels > 0]
        if pixels.size and pixels.max() < self.labels.size:
            # Ten times as fast as to sort them.
            return np.flatnonzero(np.bincount(pixels))
        return np.unique(pixels)

    @cached_property
    def centres(self) -> dict[int, tuple[float, float]]:
        """The centre of each nucleus that is in it, by id: (y, x) in pixels of the image."""
        top, left = (part.start for part in self.window)
        table = measure(self.labels)
        rows = zip(table["index"].tolist(), table["y"] + top, table["x"] + left, strict=True)
        return {nucleus: (float(y), float(x)) for nucleus, y, x in rows}


def see_nucleus(labels: _Labels, nucleus: int) -> Seen | None:
    """Return a nucleus as it is now; None when there is none of this id."""
    window = find(labels, nucleus) if nucleus else None
    return None if window is None else Seen(window, labels[window].copy(), nucleus)


def see_rectangle(labels: _Labels, rectangle: Rectangle) -> Seen:
    """Return a rectangle as it is now, as far as it is in the image."""
    rows, columns = (
        slice(*part.indices(length)[:2])
        for part, length in zip(rectangle.window, labels.shape, strict=True)
    )
    return Seen((rows, columns), labels[rows, columns].copy())


def see_checked(labels: NDArray[np.int32], checked: _Mask) -> Seen:
    """Return what was checked of labels before, such as a project keeps it.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), int32.
    checked : numpy.ndarray
        Shape (Y, X), bool; nuclei of which all was checked count as accepted.
    """
    rows, columns = (slice(0, length) for length in labels.shape)
    # No nucleus has this id: what was not checked is never as it was then.
    return Seen((rows, columns), np.where(checked, labels, np.int32(-1)))


@dataclass(frozen=True)
class Changes:
    """The corrections of a label image.

    Attributes
    ----------
    touched : numpy.ndarray
        Shape (Y, X), bool: where the labels were painted and are others than before.
    nuclei : frozenset of int
        Ids that are there and were corrected: painted, cut, joined or made smaller.
    gone : frozenset of int
        Ids that are there no more: deleted, or now a part of others.
    n_deleted : int
        How many of those that are gone are background now, by half at least.
    """

    touched: _Mask
    nuclei: frozenset[int]
    gone: frozenset[int]
    n_deleted: int


def find_changes(labels: _Labels, found: _Labels, painted: _Mask) -> Changes:
    """Compare labels with what they were before they were corrected.

    Parameters
    ----------
    labels, found : numpy.ndarray
        Shape (Y, X), integer: as they are, and as they were.
    painted : numpy.ndarray
        Shape (Y, X), bool: where somebody has ever painted. Other differences come from programs,
        and nobody has looked at them.
    """
    # Little of an image is painted: all else follows from the places where it is.
    places = np.flatnonzero(painted)
    before, after = found.ravel()[places], labels.ravel()[places]
    is_other = before != after
    before, after = before[is_other], after[is_other]
    touched = np.zeros(labels.shape, bool)
    touched.ravel()[places[is_other]] = True
    ids, index = np.unique(before, return_inverse=True)
    is_there = np.isin(ids, labels[np.isin(labels, ids)])
    is_gone = ~is_there & (ids > 0)
    became_background = np.bincount(index, weights=after == 0, minlength=len(ids))
    sizes = np.bincount(index, minlength=len(ids))
    n_deleted = np.count_nonzero(is_gone & (2 * became_background >= sizes))
    corrected = np.union1d(after, ids[is_there])
    return Changes(
        touched,
        frozenset(corrected[corrected > 0].tolist()),
        frozenset(ids[is_gone].tolist()),
        int(n_deleted),
    )


def accepted_nuclei(labels: _Labels, seen: Iterable[Seen]) -> set[int]:
    """Return the ids of the nuclei that were found right and are as they were then."""
    return set[int]().union(*(one.nuclei(labels) for one in seen))


def accepted_places(labels: _Labels, seen: Iterable[Seen]) -> dict[int, tuple[float, float]]:
    """Return the centres of the accepted nuclei by id: (y, x) in pixels."""
    return {nucleus: one.centres[nucleus] for one in seen for nucleus in one.nuclei(labels)}


def checked(
    labels: _Labels, found: _Labels, painted: _Mask, seen: Iterable[Seen]
) -> NDArray[np.bool_]:
    """Return the pixels whose label somebody vouches for, as `checked_mask` defines it.

    Parameters
    ----------
    labels, found, painted : numpy.ndarray
        As for `find_changes`.
    seen : iterable of Seen
        What was found right.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X), bool.
    """
    seen = tuple(seen)
    changes = find_changes(labels, found, painted)
    single = accepted_nuclei(labels, (one for one in seen if one.nucleus))
    mask = checked_mask(labels, changes.touched, single | changes.nuclei)
    for one in seen:
        mask[one.window] |= one.still_right(labels)
    return mask


def _around(labels: _Labels, window: Window) -> _Labels:
    """Return the labels of the pixels next to a window."""
    rows, columns = window
    top, left = max(0, rows.start - 1), max(0, columns.start - 1)
    wide = slice(left, columns.stop + 1)
    return np.concatenate(
        [
            labels[top : rows.start, wide].ravel(),
            labels[rows.stop : rows.stop + 1, wide].ravel(),
            labels[rows, left : columns.start].ravel(),
            labels[rows, columns.stop : columns.stop + 1].ravel(),
        ]
    )
