"""A part of a plane: a box of whole pixels, and within it what lies inside some outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon2mask

# What transforms to and fro may add to a whole number.
_ROUNDING_PX = 1e-6


@dataclass(frozen=True)
class Region:
    """A box of pixels, or the part of it inside outlines.

    Attributes
    ----------
    rows, columns : tuple of int
        First pixel and the one after the last.
    outlines : tuple of numpy.ndarray
        Each of shape (N, 2), float: corners (y, x) in pixels of the plane. Without one, the whole
        box belongs to the region.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    outlines: tuple[NDArray[np.float64], ...] = ()

    @property
    def origin(self) -> tuple[int, int]:
        """The first pixel of the box, (y, x)."""
        return self.rows[0], self.columns[0]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the box in pixels."""
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]

    def overlaps(self, other: Region) -> bool:
        """Tell whether the boxes of two regions of one plane share a pixel."""
        sides = zip((self.rows, self.columns), (other.rows, other.columns), strict=True)
        return all(max(one[0], two[0]) < min(one[1], two[1]) for one, two in sides)

    def mask(self) -> NDArray[np.bool_] | None:
        """Return which pixels of the box have their centre in an outline; None: all belong."""
        if not self.outlines:
            return None
        inside = np.zeros(self.shape, np.bool_)
        for outline in self.outlines:
            inside |= polygon2mask(self.shape, outline - self.origin)
        return inside


def whole(shape: tuple[int, int]) -> Region:
    """Return the region that is all of a plane."""
    return Region((0, shape[0]), (0, shape[1]))


def box_around(points: NDArray[np.floating], shape: tuple[int, int]) -> Region | None:
    """Return the pixels of a plane whose centres lie in the bounding box of some points.

    Parameters
    ----------
    points : numpy.ndarray
        Shape (N, 2), float: (y, x) in pixels; 0 is the centre of the first pixel.
    shape : tuple of int
        Height and width of the plane.

    Returns
    -------
    Region or None
        None when there is no such pixel.
    """
    first = np.maximum(np.ceil(points.min(axis=0) - _ROUNDING_PX), 0)
    last = np.minimum(np.floor(points.max(axis=0) + _ROUNDING_PX), np.subtract(shape, 1))
    if (first > last).any():
        return None
    (top, left), (bottom, right) = first.astype(int).tolist(), last.astype(int).tolist()
    return Region((top, bottom + 1), (left, right + 1))


def inside_outlines(
    outlines: Sequence[NDArray[np.floating]], shape: tuple[int, int]
) -> Region | None:
    """Return the region inside one or more outlines, as `box_around` does for their points."""
    box = box_around(np.concatenate(outlines), shape)
    if box is None:
        return None
    return Region(box.rows, box.columns, tuple(np.asarray(line, float) for line in outlines))
