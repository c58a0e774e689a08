from __future__ import annotations

import numpy as np
from hypothesis import given

from napari_nuclei.core.differences import Differences, find_differences
from strategies import label_images


def test_lost_found_and_reshaped_nuclei_are_told_apart():
    before = np.array([[1, 1, 1, 1, 1, 0, 2, 2, 0, 0, 3, 3, 3, 3, 3]], np.int32)
    after = np.array([[7, 7, 7, 7, 0, 0, 0, 0, 5, 5, 9, 9, 0, 0, 0]], np.int32)
    # 1 keeps four pixels of five, 2 is gone, 5 is new, 3 keeps two of five.
    assert find_differences(before, after) == Differences(before=(2, 3), after=(5, 9))


def test_a_nucleus_that_was_split_is_another_one():
    before = np.array([[4, 4, 4, 4]], np.int32)
    after = np.array([[4, 4, 5, 5]], np.int32)
    assert find_differences(before, after) == Differences((4,), (4, 5))


@given(label_images())
def test_the_same_nuclei_differ_by_nothing_whatever_their_ids(labels):
    renamed = np.where(labels > 0, labels + 3, 0)
    assert find_differences(labels, renamed) == Differences((), ())
