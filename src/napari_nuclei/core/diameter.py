"""How large the nuclei of an image are, and in which size a network sees them."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class DiameterRange:
    """The sizes of nuclei that a network knows.

    Attributes
    ----------
    smallest_px, largest_px : float
        Images whose typical nucleus is smaller are enlarged until it is at this end of the range.
        Those whose typical nucleus is larger are reduced to its middle: they have detail to spare,
        and nuclei at the upper end, blurred as large ones are, fall apart more often.
    """

    smallest_px: float
    largest_px: float

    def is_sane(self) -> bool:
        """Tell whether images can be brought into this range."""
        return 1 <= self.smallest_px <= self.largest_px <= 1000

    @property
    def middle_px(self) -> float:
        """The geometric mean of both ends."""
        return sqrt(self.smallest_px * self.largest_px)

    def enlargement(self, diameter_px: float | None) -> float:
        """Return the factor by which an image with such nuclei is to be enlarged; 1 for None."""
        if diameter_px is None:
            return 1.0
        if diameter_px > self.largest_px:
            return self.middle_px / diameter_px
        return max(self.smallest_px / diameter_px, 1.0)


def median_diameter_px(labels: NDArray[np.integer]) -> float | None:
    """Return the median diameter of the nuclei: that of a circle of the same area.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), integer, 0 is background.

    Returns
    -------
    float or None
        In pixels; None when there is no nucleus.
    """
    ids, areas_px = np.unique(labels, return_counts=True)
    areas_px = areas_px[ids > 0]
    return float(np.median(2 * np.sqrt(areas_px / np.pi))) if areas_px.size else None
