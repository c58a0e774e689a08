"""Corrections of a nucleus, in images that can be drawn with letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

from napari_nuclei.core import edits
from napari_nuclei.errors import InputError

if TYPE_CHECKING:
    from napari_nuclei.core.edits import Edit


def draw(*rows: str) -> np.ndarray:
    """Return labels: a dot is background, a digit its id."""
    return np.array([[0 if letter == "." else int(letter) for letter in row] for row in rows])


def after(labels: np.ndarray, edit: Edit) -> np.ndarray:
    changed = labels.copy()
    changed[edit.window] = edit.values
    return changed


TWO = draw(
    ".....",
    ".11..",
    ".112.",
    "...2.",
)


def test_an_edit_is_as_small_as_its_nucleus_and_keeps_the_type() -> None:
    edit = edits.delete(TWO.astype(np.uint8), 1)
    assert edit.window == (slice(1, 3), slice(1, 3))
    assert edit.values.dtype == np.uint8


def test_a_deleted_nucleus_is_background_and_its_neighbour_stays() -> None:
    expected = draw(".....", ".....", "...2.", "...2.")
    np.testing.assert_array_equal(after(TWO, edits.delete(TWO, 1)), expected)


@pytest.mark.parametrize("point", [(-1, 0), (0, 5), (4, 0), (0, 0)])
def test_outside_of_the_image_and_on_the_background_is_no_nucleus(
    point: tuple[float, float],
) -> None:
    assert edits.nucleus_at(TWO, point) == 0


def test_a_point_is_in_the_nearest_pixel() -> None:
    assert edits.nucleus_at(TWO, (1.4, 0.6)) == 1
    assert edits.nucleus_at(TWO, (2.6, 3.4)) == 2


def test_a_line_lies_on_the_nucleus_that_it_crosses_most() -> None:
    labels = draw("11222.")
    assert edits.nucleus_under(labels, np.array([[0, -4], [0, 9]])) == 2
    assert edits.nucleus_under(labels, np.array([[0, 0], [0, 1]])) == 1
    assert edits.nucleus_under(labels, np.array([[0, 5.0]])) == 0
    assert edits.nucleus_under(labels, np.array([[7, 7], [9, 9]])) == 0


def test_nuclei_that_touch_become_one_without_a_pixel_more() -> None:
    expected = draw(".....", ".22..", ".222.", "...2.")
    np.testing.assert_array_equal(after(TWO, edits.merge(TWO, 2, 1)), expected)


def test_a_gap_between_merged_nuclei_is_bridged_and_no_other_nucleus_taken() -> None:
    labels = draw(
        ".........",
        "111..222.",
        "111..222.",
        "111.3222.",
        ".........",
    )
    expected = draw(
        ".........",
        "11111111.",
        "11111111.",
        "11113111.",
        ".........",
    )
    np.testing.assert_array_equal(after(labels, edits.merge(labels, 1, 2)), expected)


def test_nuclei_far_apart_are_not_merged() -> None:
    slanted = np.zeros((7, 2), int)
    slanted[0, 0], slanted[6, 1] = 1, 2
    with pytest.raises(InputError, match="6 px apart"):
        edits.merge(slanted, 1, 2)
    labels = draw("1......2")
    with pytest.raises(InputError, match="6 px apart"):
        edits.merge(labels, 1, 2)
    assert (after(labels[:, 1:], edits.merge(draw("1.....2"), 1, 2)) == 1).all()


def test_a_nucleus_cannot_be_merged_with_itself_or_with_none() -> None:
    with pytest.raises(InputError, match="one nucleus already"):
        edits.merge(TWO, 1, 1)
    with pytest.raises(InputError, match="no nucleus 7"):
        edits.merge(TWO, 1, 7)


BAR = draw(
    ".......",
    ".11111.",
    ".11111.",
    ".......",
)


def test_a_line_across_parts_a_nucleus_and_the_larger_part_keeps_the_id() -> None:
    edit = edits.split_by_line(BAR, 1, np.array([[0, 2.2], [3, 2.2]]), 9)
    halves = after(BAR, edit)
    assert set(halves[1:3, 1].tolist()) == {9}
    assert set(halves[1:3, 3:6].ravel().tolist()) == {1}
    np.testing.assert_array_equal(halves > 0, BAR > 0)


def test_a_line_that_ends_inside_goes_on() -> None:
    short = after(BAR, edits.split_by_line(BAR, 1, np.array([[1, 2], [2, 2.0]]), 9))
    whole = after(BAR, edits.split_by_line(BAR, 1, np.array([[0, 2], [3, 2.0]]), 9))
    np.testing.assert_array_equal(short, whole)


def test_a_bent_line_parts_along_its_bend() -> None:
    block = np.ones((6, 6), int)
    corner = after(block, edits.split_by_line(block, 1, np.array([[-1, 3], [3, 3], [3, -1]]), 2))
    assert (corner[:3, :3] == 2).all()
    assert (corner[4:] == 1).all()
    assert (corner[:, 4:] == 1).all()


def test_a_third_piece_goes_whole_to_the_part_that_it_lies_nearer_to() -> None:
    labels = draw(
        "11111...1111",
        "11111...1111",
        "11111...1111",
        "11111...1111",
        "11111...1111",
        "11111...1111",
        "111111111111",
    )
    cut = after(labels, edits.split_by_line(labels, 1, np.array([[5, -1], [5, 12.0]]), 2))
    assert all(ndimage.label(cut == nucleus)[1] == 1 for nucleus in (1, 2))
    assert (cut[:4, 8:] == cut[0, 8]).all()


@given(
    npst.arrays(bool, (9, 9), elements=st.sampled_from([True, True, True, False])),
    npst.arrays(np.float64, (2, 2), elements=st.floats(-1, 9)),
)
def test_the_part_with_the_new_id_is_never_the_larger_one(
    mask: np.ndarray, line: np.ndarray
) -> None:
    pieces = ndimage.label(mask)[0]
    labels = np.where(pieces == pieces[4, 4], pieces, 0)
    try:
        cut = after(labels, edits.split_by_line(labels, labels[4, 4], line, 99))
    except InputError:
        return
    assert np.count_nonzero(cut == 99) <= np.count_nonzero(cut == labels[4, 4])


def test_of_a_nucleus_of_two_pieces_the_line_parts_the_one_that_it_lies_on() -> None:
    labels = draw(
        "111111..1111",
        "111111..1111",
    )
    cut = after(labels, edits.split_by_line(labels, 1, np.array([[-1, 2], [2, 2.0]]), 9))
    assert cut[:, :2].tolist() == [[9, 9]] * 2
    assert cut[:, 3:].tolist() == labels[:, 3:].tolist()


@pytest.mark.parametrize("line", [[[0, 0], [0, 6]], [[1, 1]], [[2, 2], [2, 2]]])
def test_a_line_that_misses_is_refused(line: list[list[float]]) -> None:
    with pytest.raises(InputError, match="does not part"):
        edits.split_by_line(BAR, 1, np.array(line, float), 9)


def test_slivers_that_a_line_cuts_off_become_no_nuclei() -> None:
    labels = draw(
        "11.....",
        ".1.....",
        ".11111.",
        ".11111.",
        ".11111.",
    )
    cut = after(labels, edits.split_by_line(labels, 1, np.array([[1, 0], [1, 1], [4, 3]]), 2))
    assert set(np.unique(cut).tolist()) == {0, 1, 2}


def test_seeds_part_a_nucleus_at_its_waist() -> None:
    labels = draw(
        "111...111",
        "111111111",
        "111...111",
    )
    halves = after(labels, edits.split_by_seeds(labels, 1, (1, 1), (1, 7), 2))
    assert (halves[:, :3][labels[:, :3] > 0] == 1).all()
    assert (halves[:, 6:] == 2).all()
    np.testing.assert_array_equal(halves > 0, labels > 0)


def test_what_the_seeds_do_not_reach_stays_with_the_first() -> None:
    labels = draw("1111.1")
    halves = after(labels, edits.split_by_seeds(labels, 1, (0, 0), (0, 3), 2))
    assert halves[0, 5] == 1
    assert halves[0, 3] == 2


@pytest.mark.parametrize("second", [(0, 0), (0, 9), (1, 1)])
def test_seeds_are_two_points_of_one_nucleus(second: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="Click"):
        edits.split_by_seeds(BAR, 1, (1, 1), second, 9)


def test_holes_and_notches_are_filled_but_not_with_other_nuclei() -> None:
    labels = draw(
        ".........",
        ".11111.2.",
        ".1.1.1.2.",
        ".131111..",
        ".1111.11.",
        ".1111.11.",
        ".........",
    )
    expected = draw(
        ".........",
        ".11111.2.",
        ".1111112.",
        ".1311111.",
        ".1111111.",
        ".1111111.",
        ".........",
    )
    filled = after(labels, edits.fill(labels, 1))
    assert (filled[labels > 0] == labels[labels > 0]).all()
    assert filled[2, 2] == filled[2, 4] == filled[4, 5] == 1
    assert ((filled > 0) <= (expected > 0)).all()


def test_nothing_to_fill_is_said() -> None:
    with pytest.raises(InputError, match="no hole"):
        edits.fill(np.ones((5, 5), np.int32), 1)


def test_at_the_edge_of_the_image_nothing_is_filled_up_to_it() -> None:
    labels = np.zeros((7, 9), np.int32)
    labels[1:6, 1:8] = 1
    with pytest.raises(InputError, match="no hole"):
        edits.fill(labels, 1)


def test_a_new_id_is_above_all_and_fits_the_type() -> None:
    assert edits.free_id(TWO) == 3
    assert edits.free_id(TWO, least=8) == 8
    assert edits.free_id(np.zeros((2, 2), np.int32)) == 1
    with pytest.raises(InputError, match="uint8"):
        edits.free_id(np.array([[255]], np.uint8))


@pytest.mark.parametrize("correct", [edits.delete, edits.fill])
def test_a_nucleus_that_is_gone_is_named(correct: object) -> None:
    with pytest.raises(InputError, match="no nucleus 7"):
        correct(TWO, 7)


@given(
    npst.arrays(np.int32, (6, 7), elements=st.integers(0, 3)),
    st.sampled_from(["delete", "merge", "line", "seeds", "fill"]),
    npst.arrays(np.float64, (2, 2), elements=st.floats(-2, 8)),
)
def test_an_edit_changes_its_nuclei_and_background_only(
    labels: np.ndarray, kind: str, points: np.ndarray
) -> None:
    calls = {
        "delete": lambda: edits.delete(labels, 1),
        "merge": lambda: edits.merge(labels, 1, 2),
        "line": lambda: edits.split_by_line(labels, 1, points, 4),
        "seeds": lambda: edits.split_by_seeds(labels, 1, *map(tuple, points), 4),
        "fill": lambda: edits.fill(labels, 1),
    }
    before = labels.copy()
    try:
        changed = after(labels, calls[kind]())
    except InputError:
        return
    np.testing.assert_array_equal(labels, before)
    assert (changed != labels).any()
    np.testing.assert_array_equal(changed[labels == 3], labels[labels == 3])
    if kind in {"delete", "line", "seeds"}:
        np.testing.assert_array_equal(changed[labels != 1], labels[labels != 1])
    if kind in {"line", "seeds"}:
        assert set(np.unique(changed[labels == 1])) == {1, 4}
    if kind in {"merge", "fill"}:
        assert (changed[labels == 1] == 1).all()
