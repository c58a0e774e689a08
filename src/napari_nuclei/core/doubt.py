"""Which nuclei to look at first: those that were most likely found wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_nuclei.core.measure import Table

_AREAS = ("area_px", "area_um2")
_NEEDED = {"index", "mean_probability", "touches_border"}


def can_rank(table: Table) -> bool:
    """Tell whether a table has the network's probabilities and all else that ranks nuclei."""
    return table.keys() >= _NEEDED and any(name in table for name in _AREAS)


def least_certain_first(table: Table) -> NDArray[np.integer[Any]]:
    """Return the ids of nuclei, the least certain one first.

    Parameters
    ----------
    table : dict of str to ndarray
        As `napari_nuclei.core.measure.measure` returns it; without ``mean_probability``, only sizes
        tell.

    Returns
    -------
    numpy.ndarray
        Shape (n,), dtype of ``index``; among equals in the order of ids.
    """
    order: NDArray[np.integer[Any]] = table["index"][np.argsort(certainty(table), kind="stable")]
    return order


def certainty(table: Table) -> NDArray[np.float64]:
    """Return how likely each nucleus was found right, shape (n,): only the order has a meaning."""
    area = next(table[name] for name in _AREAS if name in table)
    if not len(area):
        return np.zeros(0)
    # Parts and pairs of nuclei are smaller and larger than the others; the edge cuts right ones.
    oddness = np.where(table["touches_border"], 0, np.abs(np.log(area / np.median(area))))
    score: NDArray[np.float64] = table.get("mean_probability", np.ones(len(area))) - oddness
    return score
