"""What counts as corrected and as checked, before and after it was undone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from napari_nuclei.core import changes, review
from napari_nuclei.core.changes import (
    Seen,
    accepted_nuclei,
    accepted_places,
    checked,
    find_changes,
    see_checked,
    see_nucleus,
    see_rectangle,
)
from napari_nuclei.core.review import Rectangle

FOUND = np.array([[1, 1, 0, 0, 2, 2, 0, 3, 3]], np.int32)
EVERYWHERE = np.ones(FOUND.shape, bool)
NOWHERE = ~EVERYWHERE


@pytest.fixture(autouse=True)
def rim_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "RIM_PX", 1)


def mask(text: str) -> np.ndarray:
    return np.array([[letter == "x" for letter in text]])


def paint(*places_and_ids: tuple[int, int]) -> np.ndarray:
    labels = FOUND.copy()
    for place, nucleus in places_and_ids:
        labels[0, place] = nucleus
    return labels


def test_what_was_painted_touches_its_nucleus() -> None:
    labels = paint((2, 1))
    found = find_changes(labels, FOUND, EVERYWHERE)
    np.testing.assert_array_equal(found.touched, mask("..x......"))
    assert (found.nuclei, found.gone, found.n_deleted) == ({1}, frozenset(), 0)
    np.testing.assert_array_equal(checked(labels, FOUND, EVERYWHERE, ()), mask("xxxx....."))


def test_what_a_program_changed_was_seen_by_nobody() -> None:
    found = find_changes(paint((2, 1), (4, 0)), FOUND, NOWHERE)
    assert not found.touched.any()
    assert not found.nuclei


def test_a_stroke_that_was_undone_is_none() -> None:
    assert not checked(FOUND, FOUND, EVERYWHERE, ()).any()


def test_a_deleted_nucleus_is_background_that_was_checked() -> None:
    labels = paint((4, 0), (5, 0))
    found = find_changes(labels, FOUND, EVERYWHERE)
    assert (found.nuclei, found.gone, found.n_deleted) == (frozenset(), {2}, 1)
    np.testing.assert_array_equal(checked(labels, FOUND, EVERYWHERE, ()), mask("....xx..."))


def test_a_nucleus_that_became_part_of_another_was_not_deleted() -> None:
    found = find_changes(paint((4, 3), (5, 3)), FOUND, EVERYWHERE)
    assert (found.nuclei, found.gone, found.n_deleted) == ({3}, {2}, 0)


def test_both_parts_of_a_cut_nucleus_and_what_an_eraser_left_were_corrected() -> None:
    assert find_changes(paint((5, 9)), FOUND, EVERYWHERE).nuclei == {2, 9}
    assert find_changes(paint((5, 0)), FOUND, EVERYWHERE).nuclei == {2}


def test_an_accepted_nucleus_is_checked_with_its_rim() -> None:
    seen = see_nucleus(FOUND, 2)
    assert seen is not None
    assert accepted_nuclei(FOUND, [seen]) == {2}
    np.testing.assert_array_equal(checked(FOUND, FOUND, NOWHERE, [seen]), mask("...xxxx.."))


@pytest.mark.parametrize("labels", [paint((5, 0)), paint((3, 2)), paint((4, 7), (5, 7))])
def test_of_an_accepted_nucleus_that_is_another_now_nothing_counts(labels: np.ndarray) -> None:
    seen = Seen((slice(0, 1), slice(3, 7)), FOUND[:, 3:7], 2)
    assert accepted_nuclei(labels, [seen]) == set()
    assert not checked(labels, FOUND, NOWHERE, [seen]).any()


def test_an_accepted_nucleus_that_grew_out_of_its_window_is_another() -> None:
    seen = see_nucleus(FOUND, 2)
    assert seen is not None
    assert accepted_nuclei(paint((3, 2)), [seen]) == set()
    assert not checked(paint((6, 2)), FOUND, NOWHERE, [seen]).any()


def test_what_was_checked_before_is_no_more_and_no_less() -> None:
    seen = see_checked(FOUND, mask("xxx.x...."))
    np.testing.assert_array_equal(checked(FOUND, FOUND, NOWHERE, [seen]), mask("xxx.x...."))
    assert accepted_nuclei(FOUND, [seen]) == {1}


def test_accepted_nuclei_have_their_places_in_the_image() -> None:
    labels = np.pad(FOUND, ((2, 0), (0, 0)))
    single = see_nucleus(labels, 3)
    assert single is not None
    area = see_rectangle(labels, Rectangle(1, 3, 3, 7))
    assert accepted_places(labels, [single, area]) == {3: (2.0, 7.5), 2: (2.0, 4.5)}


def test_there_is_nothing_to_see_of_a_nucleus_that_is_not_there() -> None:
    assert see_nucleus(FOUND, 7) is None
    assert see_nucleus(FOUND, 0) is None


def test_in_a_rectangle_all_was_checked_and_whole_nuclei_were_accepted() -> None:
    seen = see_rectangle(FOUND, Rectangle(-3, 1, 5, 7))
    np.testing.assert_array_equal(checked(FOUND, FOUND, NOWHERE, [seen]), mask(".xxxxxx.."))
    assert accepted_nuclei(FOUND, [seen]) == {2}


def test_in_a_rectangle_what_was_undone_after_it_was_seen_counts_no_more() -> None:
    corrected = paint((2, 1))
    seen = see_rectangle(corrected, Rectangle(0, 0, 1, 6))
    np.testing.assert_array_equal(checked(FOUND, FOUND, EVERYWHERE, [seen]), mask("xx.xxx..."))
    assert accepted_nuclei(corrected, [seen]) == {1, 2}
    assert accepted_nuclei(FOUND, [seen]) == {2}


def test_in_a_rectangle_what_was_painted_later_counts() -> None:
    seen = see_rectangle(FOUND, Rectangle(0, 0, 1, 4))
    np.testing.assert_array_equal(
        checked(paint((2, 8)), FOUND, EVERYWHERE, [seen]), mask("xxxx.....")
    )


def test_a_rectangle_outside_of_the_image_is_empty() -> None:
    seen = see_rectangle(FOUND, Rectangle(5, 20, 9, 30))
    assert not checked(FOUND, FOUND, NOWHERE, [seen]).any()
    assert accepted_nuclei(FOUND, [seen]) == set()


def test_the_neighbours_of_a_window_are_those_around_it() -> None:
    labels = np.arange(1, 17).reshape(4, 4)
    around = changes._around(labels, (slice(1, 3), slice(1, 2)))
    assert sorted(around.tolist()) == [1, 2, 3, 5, 7, 9, 11, 13, 14, 15]


@given(
    npst.arrays(np.int32, (4, 5), elements=st.integers(0, 3)),
    npst.arrays(np.int32, (4, 5), elements=st.integers(0, 3)),
    npst.arrays(np.bool_, (4, 5)),
)
def test_corrected_and_gone_nuclei_are_apart_and_true(
    labels: np.ndarray, found: np.ndarray, painted: np.ndarray
) -> None:
    result = find_changes(labels, found, painted)
    there = set(np.unique(labels).tolist())
    assert result.nuclei <= there - {0}
    assert not result.gone & there
    assert result.n_deleted <= len(result.gone)
    assert not result.touched[~painted].any()
