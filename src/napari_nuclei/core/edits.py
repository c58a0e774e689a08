"""Corrections of a label image, each as a window with its new values: nothing is written here."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.draw import line as pixels_between
from skimage.morphology import isotropic_closing
from skimage.segmentation import watershed

from napari_nuclei.errors import InputError

if TYPE_CHECKING:
    from napari_nuclei.core.resampling import Window

MAX_GAP_PX = 5
"""How far apart two nuclei may lie and still be merged."""

_BRIDGE_PX = 2
_NOTCH_PX = 2

_Labels = NDArray[np.integer[Any]]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Edit:
    """What a correction makes of a part of the labels.

    Attributes
    ----------
    window : tuple of slice
        Rows and columns.
    values : numpy.ndarray
        Shape of the window, dtype of the labels.
    """

    window: Window
    values: _Labels


def nucleus_at(labels: _Labels, point: tuple[float, float]) -> int:
    """Return the id at (y, x) in pixels, where whole numbers are centres; 0 outside of the image.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), integer.
    point : tuple of float
        It is rounded to the nearest pixel.
    """
    y, x = (round(value) for value in point)
    inside = 0 <= y < labels.shape[0] and 0 <= x < labels.shape[1]
    return int(labels[y, x]) if inside else 0


def nucleus_under(labels: _Labels, line: NDArray[np.floating]) -> int:
    """Return the id of the nucleus that most of a line lies on; 0 where it meets none.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), integer.
    line : numpy.ndarray
        Shape (N, 2), N >= 1: points (y, x) in pixels.
    """
    met = labels[_draw(line, labels.shape)]
    ids, counts = np.unique(met[met > 0], return_counts=True)
    return int(ids[np.argmax(counts)]) if len(ids) else 0


def find(labels: _Labels, *nuclei: int) -> Window | None:
    """Return the smallest window that holds nuclei whole; None when none of them is there."""
    is_one = np.any([labels == nucleus for nucleus in nuclei], axis=0)
    rows, columns = np.flatnonzero(is_one.any(axis=1)), np.flatnonzero(is_one.any(axis=0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def middle_of(window: Window) -> tuple[float, float]:
    """Return the middle (y, x) of a window, in pixels."""
    rows, columns = window
    return (rows.start + rows.stop - 1) / 2, (columns.start + columns.stop - 1) / 2


def free_id(labels: _Labels, least: int = 1) -> int:
    """Return an id above all others, and not under `least`.

    Raises
    ------
    InputError
        When the dtype of the labels has none.
    """
    new = max(least, int(labels.max(initial=0)) + 1)
    if new > np.iinfo(labels.dtype).max:
        raise InputError(
            f"The labels have no id left as {labels.dtype}: convert the layer to int32 first."
        )
    return new


def delete(labels: _Labels, nucleus: int) -> Edit:
    """Make a nucleus background.

    Raises
    ------
    InputError
        When there is no such nucleus.
    """
    window, part = _part(labels, nucleus)
    return Edit(window, np.where(part == nucleus, 0, part).astype(labels.dtype))


def merge(labels: _Labels, kept: int, other: int) -> Edit:
    """Make one nucleus of two, with the id of the first; what gap there is becomes nucleus, too.

    Raises
    ------
    InputError
        When they are the same, one is missing, or they lie more than `MAX_GAP_PX` apart.
    """
    if kept == other:
        raise InputError("This is one nucleus already: click two that belong together.")
    for nucleus in (kept, other):
        _part(labels, nucleus)
    window, part = _part(labels, kept, other)
    to_first = ndimage.distance_transform_edt(part != kept)
    gap_px = to_first[part == other].min() - 1
    if gap_px > MAX_GAP_PX:
        raise InputError(
            f"These nuclei lie {ceil(gap_px)} px apart: only such within {MAX_GAP_PX} px are "
            "merged."
        )
    joined = np.isin(part, (kept, other))
    if gap_px > 0:
        to_second = ndimage.distance_transform_edt(part != other)
        joined |= (to_first + to_second <= gap_px + 1 + _BRIDGE_PX) & (part == 0)
    return Edit(window, np.where(joined, kept, part).astype(labels.dtype))


def split_by_line(labels: _Labels, nucleus: int, line: NDArray[np.floating], new_id: int) -> Edit:
    """Cut a nucleus along a line; the larger part keeps the id.

    Of a nucleus of several pieces, the one is cut that most of the line lies on; the others keep
    the id, too.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), integer.
    nucleus : int
        Its id.
    line : numpy.ndarray
        Shape (N, 2): points (y, x) in pixels. One that ends within the nucleus is made longer at
        both ends, in the direction from its first to its last point.
    new_id : int
        Of the smaller part, as `free_id` returns it.

    Raises
    ------
    InputError
        When there is no such nucleus, or the line does not part it.
    """
    window, part = _part(labels, nucleus)
    local = np.asarray(line, float) - [window[0].start, window[1].start]
    mask = _piece_under(part == nucleus, local)
    pieces, count = _cut(mask, local)
    if count < 2:
        pieces, count = _cut(mask, _lengthened(local, float(np.hypot(*mask.shape))))
    if count < 2:
        raise InputError("The line does not part the nucleus: drag it from side to side.")
    is_new = _smaller_part(mask, pieces, count)
    return Edit(window, np.where(is_new, new_id, part).astype(labels.dtype))


def split_by_seeds(
    labels: _Labels,
    nucleus: int,
    first: tuple[float, float],
    second: tuple[float, float],
    new_id: int,
) -> Edit:
    """Part a nucleus between two of its points where it is narrow; the first part keeps the id.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), integer.
    nucleus : int
        Its id.
    first, second : tuple of float
        (y, x) in pixels: points of both halves, from which a watershed floods the distance map.
    new_id : int
        Of the second part, as `free_id` returns it.

    Raises
    ------
    InputError
        When there is no such nucleus, or the points are not two of its pixels.
    """
    window, part = _part(labels, nucleus)
    if {nucleus_at(labels, first), nucleus_at(labels, second)} != {nucleus}:
        raise InputError("Click both halves within the same nucleus.")
    origin = np.array([window[0].start, window[1].start])
    seeds = np.rint([first, second]).astype(int) - origin
    if (seeds[0] == seeds[1]).all():
        raise InputError("Click two different points of the nucleus, one in each half.")
    # With a margin: the edge of the window is an edge of the nucleus.
    mask = np.pad(part == nucleus, 1)
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(seeds.T + 1)] = 1, 2
    flooded = watershed(-ndimage.distance_transform_edt(mask), markers, mask=mask)[1:-1, 1:-1]
    return Edit(window, np.where(flooded == 2, new_id, part).astype(labels.dtype))


def fill(labels: _Labels, nucleus: int) -> Edit:
    """Fill the holes of a nucleus, and notches in its outline; other nuclei stay as they are.

    Raises
    ------
    InputError
        When there is no such nucleus, or nothing to fill.
    """
    window, part = _part(labels, nucleus)
    margin = _NOTCH_PX + 1
    # With a margin: a closing would fill up to the edge of the window.
    closed = isotropic_closing(np.pad(part == nucleus, margin), _NOTCH_PX)
    inner = (slice(margin, -margin), slice(margin, -margin))
    added = ndimage.binary_fill_holes(closed)[inner] & (part == 0)
    if not added.any():
        raise InputError("This nucleus has no hole and no notch to fill.")
    return Edit(window, np.where(added, nucleus, part).astype(labels.dtype))


def _part(labels: _Labels, *nuclei: int) -> tuple[Window, _Labels]:
    window = find(labels, *nuclei)
    if window is None:
        raise InputError(f"There is no nucleus {nuclei[0]} any more.")
    return window, labels[window]


def _draw(line: NDArray[np.floating], shape: tuple[int, ...]) -> tuple[NDArray[Any], ...]:
    """Return the pixels of a line that lie inside an image, as an index."""
    points = np.rint(line).astype(int)
    ends = list(pairwise(points)) or [(points[0], points[0])]
    parts = [np.stack(pixels_between(*start, *stop), axis=1) for start, stop in ends]
    pixels = np.unique(np.concatenate(parts), axis=0)
    inside = ((pixels >= 0) & (pixels < shape)).all(axis=1)
    return tuple(pixels[inside].T)


def _piece_under(mask: _Mask, line: NDArray[np.floating]) -> _Mask:
    """Return the connected part of a mask that most of a line lies on; nothing where it misses."""
    pieces, _ = ndimage.label(mask)
    under: _Mask = pieces == nucleus_under(pieces, line)
    return mask & under


def _cut(mask: _Mask, line: NDArray[np.floating]) -> tuple[NDArray[np.int32], int]:
    """Return the connected parts of a mask without a line, and their number."""
    rest = mask.copy()
    rest[_draw(line, mask.shape)] = False
    pieces, count = ndimage.label(rest)
    return pieces, count


def _smaller_part(mask: _Mask, pieces: NDArray[np.int32], count: int) -> _Mask:
    """Return the smaller of the two parts of a mask that has been cut into two pieces or more.

    The two largest pieces are their cores. What the line covers goes to the nearer one, pixel by
    pixel, and a further piece that it cuts off goes there whole.
    """
    one, other = np.argsort(-np.bincount(pieces.ravel())[1:], kind="stable")[:2] + 1
    to_one, to_other = (ndimage.distance_transform_edt(pieces != core) for core in (one, other))
    ids = np.arange(count + 1)
    goes_to_other = ndimage.minimum(to_other, pieces, ids) < ndimage.minimum(to_one, pieces, ids)
    is_other: _Mask = mask & np.where(pieces > 0, goes_to_other[pieces], to_other < to_one)
    is_smaller = 2 * np.count_nonzero(is_other) <= np.count_nonzero(mask)
    return is_other if is_smaller else mask & ~is_other


def _lengthened(line: NDArray[np.floating], by_px: float) -> NDArray[np.floating]:
    chord = line[-1] - line[0]
    length = np.hypot(*chord)
    if length == 0:
        return line
    step = chord / length * by_px
    return np.concatenate([[line[0] - step], line, [line[-1] + step]])
