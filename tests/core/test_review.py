from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from napari_nuclei.core import review
from napari_nuclei.core.review import (
    Rectangle,
    checked_mask,
    count_checked,
    only_checked,
    with_earlier,
)

TWO = np.array([[1, 1, 0, 0, 0, 0, 0, 2, 2]], np.int32)


def mask(text: str) -> np.ndarray:
    return np.array([[letter == "x" for letter in text]])


@pytest.fixture
def rim_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "RIM_PX", 1)


@pytest.mark.usefixtures("rim_of_one")
def test_an_accepted_nucleus_counts_with_the_background_around_it() -> None:
    np.testing.assert_array_equal(checked_mask(TWO, accepted={2}), mask("......xxx"))


@pytest.mark.usefixtures("rim_of_one")
def test_of_a_painted_nucleus_all_counts() -> None:
    touched = mask(".x.......")
    np.testing.assert_array_equal(checked_mask(TWO, touched), mask("xxx......"))


def test_where_a_nucleus_was_deleted_the_background_counts() -> None:
    touched = mask("...xx....")
    np.testing.assert_array_equal(checked_mask(TWO, touched), touched)


@pytest.mark.usefixtures("rim_of_one")
def test_an_unchecked_neighbour_is_neither_nucleus_nor_background() -> None:
    touching = np.array([[1, 1, 2, 2, 0]], np.int32)
    np.testing.assert_array_equal(checked_mask(touching, accepted={1}), mask("xx..."))


def test_in_a_rectangle_everything_counts_as_far_as_there_is_an_image() -> None:
    rectangles = [Rectangle(-5, 3, 9, 5), Rectangle(0, 8, 1, 99)]
    np.testing.assert_array_equal(checked_mask(TWO, rectangles=rectangles), mask("...xx...x"))


def test_a_rectangle_outside_of_the_image_is_empty() -> None:
    assert not checked_mask(TWO, rectangles=[Rectangle(-9, -9, -2, -2)]).any()


def test_nothing_checked_and_what_is_gone_count_nothing() -> None:
    assert not checked_mask(TWO).any()
    assert not checked_mask(TWO, accepted={0, 77}).any()


def test_a_nucleus_is_checked_when_half_of_it_is() -> None:
    labels = np.array([[1, 1, 2, 2, 2]], np.int32)
    checked = mask(".xx..")
    np.testing.assert_array_equal(only_checked(labels, checked), [[1, 1, 0, 0, 0]])
    assert count_checked(labels, checked) == 1
    assert count_checked(labels, None) == 2


@given(
    npst.arrays(np.int32, (4, 5), elements=st.integers(0, 3)),
    npst.arrays(np.bool_, (4, 5)),
)
def test_all_that_was_touched_is_checked_and_more_touching_never_checks_less(
    labels: np.ndarray, touched: np.ndarray
) -> None:
    checked = checked_mask(labels, touched)
    assert checked[touched].all()
    assert (checked_mask(labels, np.ones_like(touched)) | ~checked).all()


@given(
    npst.arrays(np.int32, (4, 5), elements=st.sampled_from([0, 1, 7, 2**31 - 1])),
    npst.arrays(np.bool_, (4, 5)),
)
def test_nuclei_are_kept_whole_or_not_at_all(labels: np.ndarray, checked: np.ndarray) -> None:
    kept = only_checked(labels, checked)
    for nucleus in np.unique(labels):
        assert set(np.unique(kept[labels == nucleus])) <= {nucleus} or not kept.any(
            where=labels == nucleus
        )
        assert len(np.unique(kept[labels == nucleus])) == 1


def test_what_was_checked_before_stays_where_nobody_looked_again() -> None:
    labels, now = np.array([[5, 5, 0, 0, 0, 6, 6, 0]], np.int32), mask("xxx.....")
    earlier, before = np.array([[0, 0, 8, 8, 0, 9, 9, 9]], np.int32), mask("..xxxxxx")
    combined, checked = with_earlier(labels, now, earlier, before)
    # 8 reaches into what was looked at now, so it is left out; 9 takes the place of 6.
    np.testing.assert_array_equal(combined, [[1, 1, 0, 0, 0, 4, 4, 4]])
    np.testing.assert_array_equal(checked, mask("xxx.xxxx"))


def test_a_nucleus_that_a_rectangle_cut_stays_whole_but_not_checked_whole() -> None:
    labels, now = np.array([[0, 0, 0, 0]], np.int32), mask("x...")
    earlier, before = np.array([[0, 3, 3, 3]], np.int32), mask(".x..")
    combined, checked = with_earlier(labels, now, earlier, before)
    np.testing.assert_array_equal(combined, [[0, 1, 1, 1]])
    np.testing.assert_array_equal(checked, mask("xx.."))
    assert count_checked(combined, checked) == 0


@given(
    npst.arrays(np.int32, (2, 4, 5), elements=st.sampled_from([0, 1, 7, 2**31 - 1])),
    npst.arrays(np.bool_, (2, 4, 5)),
)
def test_what_is_checked_now_is_never_changed_by_what_was_before(
    labels: np.ndarray, masks: np.ndarray
) -> None:
    combined, checked = with_earlier(labels[0], masks[0], labels[1], masks[1])
    now = masks[0]
    assert checked[now].all()
    # The same nuclei under other ids.
    pairs = set(zip(labels[0][now], combined[now], strict=True))
    assert len(pairs) == len({old for old, _ in pairs}) == len({new for _, new in pairs})
    assert all((old > 0) == (new > 0) for old, new in pairs)
