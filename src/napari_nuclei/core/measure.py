"""The table of nuclei: where each one is, how large, how round and how sure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.errors import InputError


def measure(
    labels: NDArray[np.integer[Any]], probability: NDArray[np.floating[Any]]
) -> dict[str, NDArray[Any]]:
    """Measure every nucleus of a label image.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 is background, each other id one nucleus.
    probability : ndarray of float, shape (Y, X)
        Probability that a pixel belongs to a nucleus, 0..1.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        One row a nucleus, in the order of ids; arrays of length 0 when there is none.

        index : int of the type of `labels`, the id there
        y, x : float64, centre in pixels; (0, 0) is the centre of the first pixel
        area_px : int64, number of pixels
        equivalent_diameter_px : float64, diameter of the circle of that area, in pixels
        eccentricity : float64, of the ellipse with the same second moments; 0 is round, 1 a line
        mean_probability : float64, 0..1
        touches_border : bool, whether the edge of the image cuts the nucleus, so that its area and
        shape are those of a part

    Raises
    ------
    InputError
        When `labels` is not two-dimensional or the two shapes differ.

    Notes
    -----
    The figures are those of `skimage.measure.regionprops_table` (a test compares them), summed over
    all nuclei at once: 20,000 nuclei take about a second instead of nine.
    """
    if labels.ndim != 2 or labels.shape != probability.shape:
        raise InputError(
            f"Labels of shape {labels.shape} and a probability of shape {probability.shape} do not "
            "belong together: give two (Y, X) arrays of the same shape."
        )
    y, x = np.nonzero(labels)
    ids = labels[y, x]
    index = np.unique(ids)
    row = np.searchsorted(index, ids)
    area = np.bincount(row)

    def mean(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(row, weights=values) / area

    centre_y, centre_x = mean(y), mean(x)
    dy, dx = y - centre_y[row], x - centre_x[row]
    return {
        "index": index,
        "y": centre_y,
        "x": centre_x,
        "area_px": area,
        "equivalent_diameter_px": np.sqrt(4 * area / np.pi),
        "eccentricity": _eccentricity(mean(dy * dy), mean(dx * dx), mean(dy * dx)),
        "mean_probability": mean(probability[y, x]),
        "touches_border": np.isin(index, _border_ids(labels)),
    }


def _eccentricity(
    yy: NDArray[np.float64], xx: NDArray[np.float64], yx: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the eccentricity of ellipses from their central second moments."""
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    long, short = middle + spread, middle - spread
    # A single pixel has no extent at all: round.
    roundness: NDArray[np.float64] = np.ones_like(long)
    np.divide(short, long, out=roundness, where=long > 0)
    return np.sqrt(1 - roundness)


def _border_ids(labels: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """Return the ids on the outermost pixels of the image."""
    return np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
