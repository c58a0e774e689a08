from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from napari_nuclei.core.holdout import best_cut, without_divided

WHOLE = slice(0, 1)


def row(text: str) -> np.ndarray:
    return np.array([[int(letter) for letter in text]], np.int32)


def test_the_cut_holds_out_the_share_that_was_asked_for() -> None:
    cut = best_cut(row("1020304050"), None, 0.2)
    assert cut is not None
    assert (cut.training, cut.held_out) == ((WHOLE, slice(1, 10)), (WHOLE, slice(0, 1)))


def test_the_small_part_may_be_at_either_end() -> None:
    cut = best_cut(row("1102222222233333333334444444440"), None, 0.25)
    assert cut is not None
    assert cut.held_out == (WHOLE, slice(0, 2))


def test_a_cut_through_no_nucleus_is_preferred() -> None:
    labels = np.array([[1, 1, 1, 0], [0, 0, 0, 0], [2, 0, 3, 3], [2, 0, 3, 3]], np.int32)
    cut = best_cut(labels, None, 1 / 3)
    assert cut is not None
    assert cut.held_out == (slice(0, 1), slice(0, 4))


def test_only_checked_nuclei_count() -> None:
    labels = row("1020304050")
    checked = np.isin(labels, (1, 2))
    cut = best_cut(labels, checked, 0.5)
    assert cut is not None
    assert set(labels[cut.held_out][0]) & {1, 2} == {2}
    assert set(labels[cut.training][0]) & {1, 2} == {1}


def test_one_nucleus_cannot_be_parted() -> None:
    assert best_cut(row("0110"), None, 0.2) is None
    assert best_cut(row("0000"), None, 0.2) is None


def test_interlocking_nuclei_cannot_be_parted() -> None:
    assert best_cut(np.array([[1, 1], [1, 2]], np.int32), None, 0.5) is None


def test_a_divided_nucleus_counts_on_neither_side() -> None:
    labels = row("1102220")
    window = (WHOLE, slice(0, 5))
    np.testing.assert_array_equal(without_divided(labels, None, window), [[1, 1, 1, 0, 0]])
    checked = labels != 1
    np.testing.assert_array_equal(without_divided(labels, checked, window), [[0, 0, 1, 0, 0]])


@given(npst.arrays(np.int32, (6, 7), elements=st.integers(0, 5)), st.floats(0.1, 0.9))
def test_the_two_parts_share_no_pixel_and_lose_none(labels: np.ndarray, share: float) -> None:
    cut = best_cut(labels, None, share)
    if cut is None:
        return
    times = np.zeros(labels.shape, int)
    times[cut.training] += 1
    times[cut.held_out] += 1
    assert (times == 1).all()
    for window in (cut.training, cut.held_out):
        assert labels[window][without_divided(labels, None, window)].any()
