"""One id per nucleus over the planes of a stack."""

from __future__ import annotations

import tracemalloc
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from skimage.segmentation import relabel_sequential

from napari_nuclei.core.linking import MIN_IOU, continued_ids
from napari_nuclei.core.metrics import overlap_ious
from strategies import label_image_pairs

NEW = 100


@pytest.mark.parametrize(
    ("previous", "current", "expected"),
    [
        ([7, 7, 0, 9, 9], [2, 2, 0, 1, 1], [0, 9, 7]),  # as they lie, whatever their order
        ([7, 7, 0, 0, 0], [0, 0, 0, 1, 1], [0, NEW]),  # nothing there before
        ([7, 7, 7, 7, 7], [0, 0, 0, 0, 1], [0, NEW]),  # too little in common
        ([7, 7, 7, 7, 0], [1, 1, 1, 2, 2], [0, 7, NEW]),  # a nucleus divides: the larger part
        ([7, 7, 7, 8, 8], [1, 1, 1, 1, 1], [0, 7]),  # two become one
        ([0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0]),
        ([5, 5, 0, 0, 0], [0, 0, 0, 0, 0], [0]),
    ],
)
def test_ids_go_on(previous: list[int], current: list[int], expected: list[int]) -> None:
    ids = continued_ids(np.array([previous]), np.array([current]), NEW)
    assert ids.tolist() == expected


def test_best_for_all_comes_before_best_for_one() -> None:
    # 1 and 1 have most in common, but then 2 and 2 would be left with nobody.
    previous = np.array([[1] * 6 + [2] * 4])
    current = np.array([[2] * 3 + [1] * 7])
    row, column, iou = overlap_ious(previous, current)
    assert dict(zip(zip(row, column, strict=True), iou.round(2), strict=True)) == {
        (1, 1): 0.3,
        (1, 2): 0.5,
        (2, 1): 0.57,
    }
    assert continued_ids(previous, current, NEW).tolist() == [0, 2, 1]


@given(label_image_pairs())
def test_nuclei_keep_apart_and_new_ids_follow(pair: tuple[NDArray[np.int32], ...]) -> None:
    previous, current = pair[0], relabel_sequential(pair[1])[0]
    ids = continued_ids(previous, current, NEW)
    assert ids[0] == 0
    assert len(set(ids.tolist())) == len(ids) == current.max() + 1
    new = ids[ids >= NEW]
    assert sorted(new) == list(range(NEW, NEW + len(new)))
    assert set(ids[ids < NEW]) <= set(previous.ravel().tolist()) | {0}


@given(label_image_pairs())
def test_no_other_pairing_has_more_in_common(pair: tuple[NDArray[np.int32], ...]) -> None:
    previous, current = pair[0], relabel_sequential(pair[1])[0]
    worth = {
        (a, b): share
        for a, b, share in zip(*overlap_ious(previous, current), strict=True)
        if share >= MIN_IOU
    }
    ids = continued_ids(previous, current, NEW)
    chosen = sum(worth.get((a, b), 0) for b, a in enumerate(ids))
    rows = sorted({a for a, _ in worth}) + [None] * int(current.max())
    columns = range(1, int(current.max()) + 1)
    best = max(
        sum(worth.get((a, b), 0) for a, b in zip(order, columns, strict=False))
        for order in permutations(rows, int(current.max()))
    )
    assert chosen == pytest.approx(best)


@given(label_image_pairs())
def test_the_same_plane_again_keeps_its_ids(pair: tuple[NDArray[np.int32], ...]) -> None:
    current = relabel_sequential(pair[0])[0]
    assert_array_equal(continued_ids(current, current, NEW), np.arange(current.max() + 1))


def test_memory_does_not_grow_with_the_square_of_the_nuclei_that_divide() -> None:
    previous = np.repeat(np.arange(1, 3001), 2)[np.newaxis]
    current = np.arange(1, 6001)[np.newaxis]
    tracemalloc.start()
    try:
        ids = continued_ids(previous, current, 10_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Of each two halves, one goes on. The matrix of all would have 144 MB.
    assert_array_equal(np.sort(np.unique(ids[1:]))[:3000], np.arange(1, 3001))
    assert peak < 20_000_000
