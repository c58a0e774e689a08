"""Labels of planes that follow one another -> one id per nucleus along z or time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

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


def largest_sections(table: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Turn a table with a row for each plane of a nucleus into one with a row for each nucleus.

    Parameters
    ----------
    table : dict of str to numpy.ndarray
        Columns of equal length, ``index``, ``area_px`` and ``touches_border`` among them; rows with
        the same index belong together.

    Returns
    -------
    dict of str to numpy.ndarray
        In the order of ids, the row of the plane in which the nucleus is largest. Besides, in how
        many ``planes`` it is, its ``volume_px`` in all of them, and whether it ``touches_border``
        in any.
    """
    by_size = np.argsort(-table["area_px"], kind="stable")
    ids, first, row = np.unique(table["index"][by_size], return_index=True, return_inverse=True)
    sections = {name: column[by_size][first] for name, column in table.items()}
    cut = np.bincount(row, weights=table["touches_border"][by_size], minlength=len(ids)) > 0
    volume_px = np.bincount(row, weights=table["area_px"][by_size], minlength=len(ids))
    return sections | {
        "touches_border": cut,
        "planes": np.bincount(row, minlength=len(ids)),
        "volume_px": volume_px.astype(np.int64),
    }


def _best_pairs(
    previous: NDArray[np.int64], current: NDArray[np.int64], iou: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose pairs such that no id is in two of them and the sum of their IoUs is largest."""
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
