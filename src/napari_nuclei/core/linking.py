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
    is_same = iou >= MIN_IOU
    previous, current, iou = previous[is_same], current[is_same], iou[is_same]
    has_rival = _is_repeated(previous) | _is_repeated(current)
    chosen = [np.flatnonzero(~has_rival)]
    for group in _groups(previous, current, np.flatnonzero(has_rival)):
        chosen.append(group[_assigned(previous[group], current[group], iou[group])])
    pairs = np.concatenate(chosen)
    return previous[pairs], current[pairs]


def _groups(
    previous: NDArray[np.int64], current: NDArray[np.int64], pairs: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Part pairs into groups that share no id, so that each can be assigned by itself.

    One assignment of all would take memory with the square of their number.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not pairs.size:
        return []
    row = np.unique(previous[pairs], return_inverse=True)[1]
    column = np.unique(current[pairs], return_inverse=True)[1] + row.max() + 1
    n_ids = column.max() + 1
    graph = coo_array((np.ones(len(pairs)), (row, column)), shape=(n_ids, n_ids))
    group = connected_components(graph, directed=False)[1][row]
    order = np.argsort(group, kind="stable")
    return np.split(pairs[order], np.flatnonzero(np.diff(group[order])) + 1)


def _assigned(
    previous: NDArray[np.int64], current: NDArray[np.int64], iou: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which pairs belong to the assignment with the largest sum of IoUs."""
    # A fifth of a second that opening the widget need not wait for.
    from scipy.optimize import linear_sum_assignment

    row = np.unique(previous, return_inverse=True)[1]
    column = np.unique(current, return_inverse=True)[1]
    worth = np.zeros((row.max() + 1, column.max() + 1))
    worth[row, column] = iou
    is_chosen = np.zeros(worth.shape, bool)
    is_chosen[linear_sum_assignment(worth, maximize=True)] = True
    return np.asarray(is_chosen[row, column])


def _is_repeated(ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    _, row, count = np.unique(ids, return_inverse=True, return_counts=True)
    return np.asarray(count[row] > 1)
