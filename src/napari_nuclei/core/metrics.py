"""How well a label image agrees with the truth: by pixel and by nucleus.

By pixel: accuracy, Dice and intersection over union (IoU) of nucleus against background. By
nucleus: the average precision of the 2018 Data Science Bowl [1]_ and panoptic quality [2]_, which
count a nucleus as found where its IoU with a predicted one reaches a threshold.

References
----------
.. [1] Caicedo et al., "Nucleus segmentation across imaging experiments: the 2018 Data Science
   Bowl", Nature Methods 16, 1247-1253 (2019).
.. [2] Kirillov et al., "Panoptic Segmentation", CVPR 2019, equation 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import relabel_sequential

from napari_nuclei.errors import InputError

IOU_THRESHOLDS = tuple(percent / 100 for percent in range(50, 100, 5))
"""The ten thresholds of the Data Science Bowl: 0.50, 0.55, ... 0.95."""


@dataclass(frozen=True)
class Scores:
    """The agreement of one label image, or of a set of them, with the truth.

    Every figure lies between 0 and 1, and 1 is best. An image without a nucleus in which none was
    predicted is a perfect answer: 1.0 throughout. Where only one of the two is empty everything
    but the pixel accuracy is 0.0.

    Attributes
    ----------
    pixel_accuracy : float
        Share of pixels that are rightly nucleus or background.
    dice, iou : float
        Of the nucleus pixels: ``2 |A & B| / (|A| + |B|)`` and ``|A & B| / |A | B|``.
    ap : tuple of float
        ``TP / (TP + FP + FN)`` of the nuclei at each of `IOU_THRESHOLDS`.
    pq : float
        Panoptic quality at 0.5: the sum of the matched IoUs over ``TP + FP / 2 + FN / 2``.
    n_true, n_predicted : int
        Number of nuclei; in a mean over images, their sum.
    """

    pixel_accuracy: float
    dice: float
    iou: float
    ap: tuple[float, ...]
    pq: float
    n_true: int
    n_predicted: int

    @property
    def ap50(self) -> float:
        """Average precision at an IoU of 0.5."""
        return self.ap[0]

    @property
    def mean_ap(self) -> float:
        """Mean of the average precision over `IOU_THRESHOLDS`: the Data Science Bowl's score."""
        return sum(self.ap) / len(self.ap)


def score(truth: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]]) -> Scores:
    """Compare a predicted label image with the true one.

    Parameters
    ----------
    truth, predicted : ndarray of int, shape (Y, X)
        Label images: 0 is background, each other id one nucleus. Ids need not be consecutive, and
        those of the two images need not agree.

    Returns
    -------
    Scores
        See there for what an image without nuclei gives.

    Raises
    ------
    InputError
        When the shapes differ, a label image has no pixels, or it is not of non-negative integers.

    Notes
    -----
    A threshold of 0.5 or more makes the optimal matching cheap: a nucleus shares an IoU above 0.5
    with one other at most. Only exact halves leave a choice, and any choice is as good.

    Examples
    --------
    >>> truth = np.array([[1, 1, 0, 2, 2]])
    >>> found = np.array([[3, 3, 0, 0, 4]])
    >>> result = score(truth, found)
    >>> result.pixel_accuracy, result.ap50, round(result.mean_ap, 2), result.pq
    (0.8, 1.0, 0.4, 0.75)
    """
    if truth.shape != predicted.shape:
        raise InputError(
            f"The true labels have shape {truth.shape} and the predicted ones {predicted.shape}: "
            "compare two label images of the same image."
        )
    truth, predicted = _checked(truth), _checked(predicted)
    areas = np.bincount(truth.ravel()), np.bincount(predicted.ravel())
    n_true, n_predicted = (int(np.count_nonzero(area[1:])) for area in areas)
    matched = _matched_ious(truth, predicted)
    found = [int(np.count_nonzero(matched >= threshold)) for threshold in IOU_THRESHOLDS]
    pixel_accuracy, dice, iou = _pixel_scores(truth > 0, predicted > 0)
    return Scores(
        pixel_accuracy=pixel_accuracy,
        dice=dice,
        iou=iou,
        ap=tuple(_ratio(n, n_true + n_predicted - n) for n in found),
        pq=_ratio(2 * float(matched.sum()), n_true + n_predicted),
        n_true=n_true,
        n_predicted=n_predicted,
    )


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Average scores over images, each image counting the same however many nuclei it has.

    Parameters
    ----------
    scores : sequence of Scores
        At least one.

    Returns
    -------
    Scores
        The mean of every figure, and the sum of the two counts.

    Raises
    ------
    InputError
        When there are no scores.
    """
    if not scores:
        raise InputError("There are no scores to average: give at least one image.")
    n = len(scores)
    return Scores(
        pixel_accuracy=sum(one.pixel_accuracy for one in scores) / n,
        dice=sum(one.dice for one in scores) / n,
        iou=sum(one.iou for one in scores) / n,
        ap=tuple(sum(column) / n for column in zip(*(one.ap for one in scores), strict=True)),
        pq=sum(one.pq for one in scores) / n,
        n_true=sum(one.n_true for one in scores),
        n_predicted=sum(one.n_predicted for one in scores),
    )


def overlap_ious(
    first: NDArray[np.integer[Any]], second: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return which nuclei of two label images overlap, and how much.

    Parameters
    ----------
    first, second : ndarray of int, shape (Y, X)
        0 is background; ids of about the number of pixels at most.

    Returns
    -------
    first_ids, second_ids : ndarray of int64, shape (n,)
        The ids of each pair that shares a pixel, in the order of `first_ids`, then `second_ids`.
    iou : ndarray of float64, shape (n,)
        Intersection over union, in (0, 1].
    """
    area_first, area_second = np.bincount(first.ravel()), np.bincount(second.ravel())
    both = (first > 0) & (second > 0)
    codes = first[both].astype(np.int64) * len(area_second) + second[both]
    pairs, shared = np.unique(codes, return_counts=True)
    row, column = np.divmod(pairs, len(area_second))
    return row, column, shared / (area_first[row] + area_second[column] - shared)


def _checked(labels: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return the labels with ids that can index an array."""
    if labels.size == 0:
        raise InputError(
            f"Labels of shape {labels.shape} have no pixels: there is none to compare."
        )
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0:
        raise InputError(
            f"Labels must be integers of 0 (background) and up, but these are {labels.dtype} with "
            f"a smallest value of {labels.min()}: give a label image."
        )
    # Larger ids than pixels, as painting with a chosen id makes them, would cost more memory than
    # the image.
    usable = relabel_sequential(labels)[0] if labels.max() > labels.size else labels
    return usable.astype(np.int64, copy=False)


def _pixel_scores(
    truth: NDArray[np.bool_], predicted: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return pixel accuracy, Dice and IoU of two masks."""
    shared = int(np.count_nonzero(truth & predicted))
    total = int(np.count_nonzero(truth)) + int(np.count_nonzero(predicted))
    right = truth.size - (total - 2 * shared)
    return right / truth.size, _ratio(2 * shared, total), _ratio(shared, total - shared)


def _matched_ious(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the IoU of each matched pair of nuclei, all of them 0.5 or more."""
    row, column, iou = overlap_ious(truth, predicted)
    chosen = np.flatnonzero(iou >= IOU_THRESHOLDS[0])
    # Two halves of one nucleus both have an IoU of exactly 0.5 with it: only one may count.
    chosen = chosen[np.unique(row[chosen], return_index=True)[1]]
    chosen = chosen[np.unique(column[chosen], return_index=True)[1]]
    return iou[chosen]


def _ratio(part: float, whole: float) -> float:
    """Divide, taking nothing out of nothing as perfect agreement."""
    return part / whole if whole else 1.0
