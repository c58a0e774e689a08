"""Which nuclei to look at first: those that were most likely found wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_nuclei.core.measure import Table


def least_certain_first(table: Table) -> NDArray[np.integer[Any]]:
    """Return the ids of nuclei, the least certain one first.

    Parameters
    ----------
    table : dict of str to ndarray
        As `napari_nuclei.core.measure.measure` returns it: ``index``, ``eccentricity``, an area,
        and ``mean_probability`` where the network's maps are known.

    Returns
    -------
    numpy.ndarray
        Shape (n,), dtype of ``index``; among equals in the order of ids.
    """
    return table["index"][np.argsort(certainty(table), kind="stable")]


def certainty(table: Table) -> NDArray[np.float64]:
    """Return how likely each nucleus was found right, in an order of no unit, shape (n,)."""
    area: NDArray[np.float64] = table["area_px"] if "area_px" in table else table["area_um2"]
    if not len(area):
        return np.zeros(0)
    # Parts and pairs of nuclei are smaller and larger than the others.
    oddness = np.abs(np.log(area / np.median(area)))
    score: NDArray[np.float64] = table.get("mean_probability", np.zeros(len(area))) - oddness
    return score
