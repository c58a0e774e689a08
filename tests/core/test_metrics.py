from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from napari_nuclei.core.metrics import IOU_THRESHOLDS, Scores, mean_scores, score
from napari_nuclei.errors import InputError
from strategies import label_image_pairs, label_images

Labels = NDArray[np.integer[Any]]

TEN_PIXELS = np.array([[1] * 10])


def test_the_thresholds_are_the_literals_that_people_write() -> None:
    assert IOU_THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def test_scores_of_a_small_image_counted_by_hand() -> None:
    truth = np.array(
        [
            [1, 1, 1, 1, 0, 0],
            [0, 0, 0, 0, 0, 0],
            [2, 2, 0, 3, 3, 3],
        ]
    )
    predicted = np.array(
        [
            [5, 5, 5, 0, 0, 0],  # 3 of 4 pixels: IoU 0.75
            [0, 0, 0, 0, 0, 0],
            [7, 7, 0, 0, 0, 9],  # 2 of 2: IoU 1; 1 of 3: IoU 0.33, missed
        ]
    )

    result = score(truth, predicted)

    assert result.pixel_accuracy == 15 / 18
    assert result.dice == 2 * 6 / (9 + 6)
    assert result.iou == 6 / 9
    assert result.ap == (2 / 4,) * 6 + (1 / 5,) * 4
    assert result.ap50 == 0.5
    assert result.mean_ap == pytest.approx((6 * 0.5 + 4 * 0.2) / 10)
    assert result.pq == (0.75 + 1) / (2 + 1 / 2 + 1 / 2)
    assert (result.n_true, result.n_predicted) == (3, 3)


@pytest.mark.parametrize("n_pixels", [5, 6, 7, 8, 9])
def test_an_iou_equal_to_the_threshold_counts(n_pixels: int) -> None:
    predicted = np.array([[1] * n_pixels + [0] * (10 - n_pixels)])
    reached = IOU_THRESHOLDS.index(n_pixels / 10) + 1
    assert score(TEN_PIXELS, predicted).ap == (1.0,) * reached + (0.0,) * (10 - reached)


@pytest.mark.parametrize("swapped", [False, True])
def test_two_exact_halves_of_one_nucleus_count_once(swapped: bool) -> None:
    whole, halves = np.array([[1, 1]]), np.array([[1, 2]])
    pair = (halves, whole) if swapped else (whole, halves)
    assert score(*pair).ap50 == 1 / 2


def test_no_nucleus_and_none_predicted_is_perfect() -> None:
    nothing = np.zeros((2, 3), int)
    assert score(nothing, nothing) == Scores(1.0, 1.0, 1.0, (1.0,) * 10, 1.0, 0, 0)


@pytest.mark.parametrize("swapped", [False, True])
def test_only_one_of_the_two_without_nuclei_scores_zero(swapped: bool) -> None:
    nothing, something = np.zeros((1, 4), int), np.array([[0, 0, 0, 1]])
    pair = (something, nothing) if swapped else (nothing, something)
    counts = (1, 0) if swapped else (0, 1)
    assert score(*pair) == Scores(0.75, 0.0, 0.0, (0.0,) * 10, 0.0, *counts)


@given(label_image_pairs())
def test_score_agrees_with_the_definitions_applied_one_nucleus_at_a_time(
    pair: tuple[Labels, Labels],
) -> None:
    assert flat(score(*pair)) == pytest.approx(flat(slow_score(*pair)))


@given(label_images())
def test_every_label_image_agrees_with_itself(labels: Labels) -> None:
    n = len(set(labels.flat) - {0})
    assert score(labels, labels) == Scores(1.0, 1.0, 1.0, (1.0,) * 10, 1.0, n, n)


@given(label_image_pairs(max_id=3), st.permutations([1, 40, 2**31 - 1]))
def test_ids_do_not_matter(pair: tuple[Labels, Labels], ids: list[int]) -> None:
    truth, predicted = pair
    assert score(truth, np.array([0, *ids])[predicted]) == score(truth, predicted)


@given(label_image_pairs())
def test_truth_and_prediction_can_be_swapped(pair: tuple[Labels, Labels]) -> None:
    forth, back = score(*pair), score(*pair[::-1])
    swapped_counts = {"n_true": forth.n_predicted, "n_predicted": forth.n_true}
    assert flat(back) == pytest.approx(flat(replace(forth, **swapped_counts)))


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), r"shape \(2, 3\) and .* \(3, 2\)"),
        (np.zeros((0, 3), int), np.zeros((0, 3), int), "no pixels"),
        (np.zeros((2, 2)), np.zeros((2, 2), int), "these are float64"),
        (np.zeros((2, 2), int), np.array([[0, 1], [0, -1]]), "smallest value of -1"),
    ],
)
def test_unusable_labels_are_refused(truth: Labels, predicted: Labels, message: str) -> None:
    with pytest.raises(InputError, match=message):
        score(truth, predicted)


# Computed with stardist 0.9.2 on 125 real nuclei: tp of `stardist.matching.matching` at each of
# IOU_THRESHOLDS, n_pred, and panoptic_quality at 0.5.
STARDIST: dict[str, tuple[tuple[int, ...], int, float]] = {
    "shifted": ((121, 116, 113, 111, 103, 80, 38, 2, 0, 0), 125, 0.7306935),
    "merged": ((83, 72, 63, 57, 52, 50, 49, 47, 43, 41), 83, 0.6557402),
    "shrunk": ((120, 119, 119, 118, 112, 110, 99, 48, 0, 0), 124, 0.7950957),
    "cut": ((125, 51, 15, 12, 10, 8, 7, 6, 5, 3), 248, 0.3816384),
}


@pytest.mark.parametrize("damage", STARDIST)
def test_score_agrees_with_stardist(damage: str, sample: tuple[Labels, Labels]) -> None:
    truth = sample[1]
    true_positives, n_predicted, pq = STARDIST[damage]

    result = score(truth, DAMAGES[damage](truth))

    assert result.ap == tuple(n / (125 + n_predicted - n) for n in true_positives)
    assert result.pq == pytest.approx(pq, abs=1e-6)
    assert (result.n_true, result.n_predicted) == (125, n_predicted)


def test_mean_scores_weigh_images_alike_and_add_nuclei_up() -> None:
    perfect = Scores(1.0, 1.0, 1.0, (1.0,) * 10, 1.0, 1, 1)
    poor = Scores(0.5, 0.4, 0.25, (0.5,) * 2 + (0.0,) * 8, 0.3, 9, 3)

    mean = mean_scores([perfect, poor])

    assert mean == Scores(0.75, 0.7, 0.625, (0.75,) * 2 + (0.5,) * 8, 0.65, 10, 4)
    assert mean.mean_ap == pytest.approx((perfect.mean_ap + poor.mean_ap) / 2)


def test_mean_of_no_scores_is_refused() -> None:
    with pytest.raises(InputError, match="no scores"):
        mean_scores([])


def shrink(labels: Labels) -> Labels:
    """Take the rim of one pixel off every nucleus."""
    neighbours = [np.roll(labels, step, axis) for axis in (0, 1) for step in (1, -1)]
    return np.where(np.all([labels == n for n in neighbours], axis=0), labels, 0)


def cut(labels: Labels) -> Labels:
    """Give the nuclei other ids in every second band of eight rows."""
    in_band = np.arange(len(labels))[:, np.newaxis] // 8 % 2 > 0
    return np.where(in_band & (labels > 0), labels + labels.max(), labels)


DAMAGES: dict[str, Callable[[Labels], Labels]] = {
    "shifted": lambda labels: np.roll(labels, (2, -1), (0, 1)),
    "merged": lambda labels: (labels + 1) // 2,
    "shrunk": shrink,
    "cut": cut,
}


def flat(scores: Scores) -> list[float]:
    """Return all figures in one list, for comparisons within rounding."""
    figures = asdict(scores)
    return [*figures.pop("ap"), *figures.values()]


def slow_score(truth: Labels, predicted: Labels) -> Scores:
    """Apply the definitions: each nucleus against each, matched by an optimal assignment."""
    masks = [[labels == i for i in sorted(set(labels.flat) - {0})] for labels in (truth, predicted)]
    a, b = truth > 0, predicted > 0
    n_true, n_predicted = map(len, masks)
    counts = (n_true, n_predicted)
    pixel_accuracy = float((a == b).mean())
    if not any(counts):
        return Scores(pixel_accuracy, 1.0, 1.0, (1.0,) * 10, 1.0, *counts)
    dice = 2 * (a & b).sum() / (a.sum() + b.sum())
    iou = (a & b).sum() / (a | b).sum()
    ious = np.array([[(m & n).sum() / (m | n).sum() for n in masks[1]] for m in masks[0]])
    ious = ious.reshape(counts)
    found = [optimal_matches(ious, threshold) for threshold in IOU_THRESHOLDS]
    ap = tuple(len(matches) / (n_true + n_predicted - len(matches)) for matches in found)
    n_missed_or_wrong = n_true + n_predicted - 2 * len(found[0])
    pq = sum(found[0]) / (len(found[0]) + n_missed_or_wrong / 2)
    return Scores(pixel_accuracy, float(dice), float(iou), ap, pq, *counts)


def optimal_matches(ious: NDArray[np.float64], threshold: float) -> list[float]:
    """Return the IoUs of a matching with as many pairs at the threshold as possible."""
    chosen = ious[linear_sum_assignment(ious >= threshold, maximize=True)]
    return [iou for iou in chosen.tolist() if iou >= threshold]
