"""Labels of planes that follow one another -> one id per nucleus along z or time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core.metrics import overlap_ious

MIN_IOU = 0.25
"""Nuclei of two planes that share less of their joint area are not the same."""


def continued_ids(
    previous: NDArray[np.integer[Any]], current: NDArray[np.integer[Any]], first_new_id: int
) -> NDArray[np.int64]:
    """Give the nuclei of a plane the ids that they have in the plane before.

    Parameters
    ----------
    previous : numpy.ndarray
        Shape (Y, X), integer: the plane before, 0 is background.
    current : numpy.ndarray
        Shape (Y, X), integer, with ids 1 to n.
    first_new_id : int
        Nuclei that are not in the plane before get this id and those after it.

    Returns
    -------
    numpy.ndarray
        Shape (n + 1,), int64: the new id of each id of `current`, which no two share; 0 stays 0.

    Notes
    -----
    As in Cellpose [1]_, nuclei are compared by the intersection over union (IoU) of neighbouring
    planes. Each goes with one other at most, such that the sum of the IoUs of all pairs of at least
    `MIN_IOU` is as large as it can be [2]_. Most nuclei overlap one other alone, so that few are
    left to be assigned.

    References
    ----------
    .. [1] Stringer et al., "Cellpose: a generalist algorithm for cellular segmentation", Nature
       Methods 18, 2021.
    .. [2] Crouse, "On implementing 2D rectangular assignment algorithms", IEEE Transactions on
       Aerospace and Electronic Systems 52, 2016.

    Examples
    --------
    >>> before, now = np.array([[7, 7, 0, 9]]), np.array([[1, 1, 0, 0]])
    >>> continued_ids(before, now, 10).tolist()
    [0, 7]
    """
    matched_previous, matched_current = _best_pairs(*overlap_ious(previous, current))
    ids = np.zeros(int(current.max(initial=0)) + 1, np.int64)
    ids[matched_current] = matched_previous
    is_new = ids == 0
    is_new[0] = False
    ids[is_new] = first_new_id + np.arange(np.count_nonzero(is_new))
    return ids


def _best_pairs(
    previous: NDArray[np.int64], current: NDArray[np.int64], iou: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose pairs such that no id is in two of them and the sum of their IoUs is largest."""
    # A fifth of a second that opening the widget need not wait for.
    from scipy.optimize import linear_sum_assignment

    is_same = iou >= MIN_IOU
    previous, current, iou = previous[is_same], current[is_same], iou[is_same]
    has_rival = _is_repeated(previous) | _is_repeated(current)
    rivals, row = np.unique(previous[has_rival], return_inverse=True)
    wanted, column = np.unique(current[has_rival], return_inverse=True)
    worth = np.zeros((len(rivals), len(wanted)))
    worth[row, column] = iou[has_rival]
    rows, columns = linear_sum_assignment(worth, maximize=True)
    is_pair = worth[rows, columns] > 0
    return (
        np.concatenate([previous[~has_rival], rivals[rows[is_pair]]]),
        np.concatenate([current[~has_rival], wanted[columns[is_pair]]]),
    )


def _is_repeated(ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    _, row, count = np.unique(ids, return_inverse=True, return_counts=True)
    return np.asarray(count[row] > 1)
