"""What is remembered of a Labels layer, while it is painted, undone, replaced and removed."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.layers import Labels

from napari_nuclei.core import review
from napari_nuclei.core.review import Rectangle, checked_mask
from napari_nuclei.errors import InputError
from napari_nuclei.ui.corrections import Corrections, corrections_of

if TYPE_CHECKING:
    from napari.viewer import Viewer


@pytest.fixture(autouse=True)
def rim_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "RIM_PX", 1)


@pytest.fixture
def layer() -> Labels:
    """Return two squares of 4 x 4 px, ids 1 and 2, in (12, 14)."""
    data = np.zeros((12, 14), np.int32)
    data[2:6, 2:6] = 1
    data[2:6, 8:12] = 2
    return Labels(data)


@pytest.fixture
def corrections(layer: Labels) -> Corrections:
    return corrections_of(layer)


def counts(corrections: Corrections) -> tuple[int, int]:
    return corrections.n_accepted, corrections.n_corrected


def test_a_layer_has_one_set_of_corrections(layer: Labels, corrections: Corrections) -> None:
    assert corrections_of(layer) is corrections
    assert counts(corrections) == (0, 0)
    assert not corrections.checked().any()


def test_strokes_of_the_brush_count_and_undone_ones_do_not(
    layer: Labels, corrections: Corrections
) -> None:
    layer.brush_size = 1
    layer.paint((6, 3), 1)
    assert counts(corrections) == (0, 1)
    expected = checked_mask(layer.data, layer.data * 0 > 0, accepted={1})
    np.testing.assert_array_equal(corrections.checked(), expected)
    layer.undo()
    assert counts(corrections) == (0, 0)
    assert not corrections.checked().any()
    layer.redo()
    assert counts(corrections) == (0, 1)


@pytest.mark.parametrize("how", ["paint", "fill", "polygon", "data_setitem"])
def test_every_way_to_paint_is_seen(layer: Labels, corrections: Corrections, how: str) -> None:
    layer.brush_size = 1
    {
        "paint": lambda: layer.paint((9, 9), 5),
        "fill": lambda: layer.fill((3, 3), 5),
        "polygon": lambda: layer.paint_polygon([(8, 2), (8, 6), (11, 6), (11, 2)], 5),
        "data_setitem": lambda: layer.data_setitem((np.array([9]), np.array([9])), 5),
    }[how]()
    assert corrections.changes().nuclei == {5}
    np.testing.assert_array_equal(corrections.changes().touched, layer.data == 5)


def test_a_nucleus_that_was_erased_teaches_background(
    layer: Labels, corrections: Corrections
) -> None:
    layer.fill((3, 3), 0)
    assert counts(corrections) == (0, 1)
    assert corrections.done == {1}
    assert corrections.checked()[2:6, 2:6].all()
    layer.undo()
    assert not corrections.done


def test_what_a_program_writes_was_seen_by_nobody(layer: Labels, corrections: Corrections) -> None:
    layer.data[2:6, 2:6] = 0
    layer.refresh()
    assert counts(corrections) == (0, 0)
    assert not corrections.checked().any()


def test_an_accepted_nucleus_counts_until_it_is_another(
    layer: Labels, corrections: Corrections
) -> None:
    layer.fill((3, 3), 7)
    assert corrections.accept(7)
    assert counts(corrections) == (0, 1)
    layer.data_setitem((np.array([6]), np.array([3])), 7)
    assert corrections.accepted == set()
    layer.undo()
    assert corrections.accepted == {7}
    corrections.withdraw(7)
    assert corrections.accepted == set()
    assert not corrections.accept(99)


def test_what_was_found_right_is_undone_and_done_again_among_the_strokes(
    layer: Labels, corrections: Corrections
) -> None:
    corrections.accept(1)
    layer.fill((3, 9), 7)
    corrections.review(Rectangle(0, 0, 12, 14))
    corrections.withdraw(1)
    states = []
    for _ in range(4):
        states.append((len(corrections.seen), counts(corrections)))
        layer.undo()
    assert states == [(1, (1, 1)), (2, (1, 1)), (1, (1, 1)), (1, (1, 0))]
    assert (corrections.seen, counts(corrections)) == ((), (0, 0))
    assert not corrections.checked().any()
    for state in reversed(states):
        layer.redo()
        assert (len(corrections.seen), counts(corrections)) == state


def test_what_was_undone_does_not_come_back_after_another_stroke(
    layer: Labels, corrections: Corrections
) -> None:
    corrections.accept(1)
    layer.undo()
    layer.fill((9, 9), 5)
    layer.redo()
    layer.undo()
    assert corrections.accepted == set()
    corrections.accept(2)
    layer.redo()
    assert (corrections.accepted, corrections.n_corrected) == ({2}, 0)


def test_what_is_too_old_to_be_undone_stays_right(layer: Labels, corrections: Corrections) -> None:
    corrections.accept(1)
    for step in range(layer._history_limit):
        layer.data_setitem((np.array([9]), np.array([9])), 3 + step % 2)
    for _ in range(layer._history_limit + 1):
        layer.undo()
    assert counts(corrections) == (1, 0)
    assert layer.data[9, 9] == 0


def test_nobody_is_told_of_a_stroke_when_something_is_found_right(
    layer: Labels, corrections: Corrections
) -> None:
    strokes: list[object] = []
    layer.events.paint.connect(strokes.append)
    corrections.accept(1)
    corrections.mark_all_reviewed()
    assert strokes == []


def test_what_was_checked_before_is_taken_over(layer: Labels, corrections: Corrections) -> None:
    before = np.indices(layer.data.shape)[1] < 10
    corrections.remember(before)
    assert corrections.accepted == {1}
    np.testing.assert_array_equal(corrections.checked(), before)
    layer.fill((3, 3), 0)
    assert counts(corrections) == (0, 1)
    np.testing.assert_array_equal(corrections.checked(), before)


def test_background_is_something_that_was_checked(layer: Labels, corrections: Corrections) -> None:
    assert not corrections.is_any
    corrections.review(Rectangle(9, 0, 12, 3))
    assert corrections.is_any
    assert counts(corrections) == (0, 0)
    layer.undo()
    layer.fill((9, 9), 5)
    assert corrections.is_any


def test_a_nucleus_is_accepted_once(corrections: Corrections) -> None:
    corrections.accept(1)
    corrections.accept(1)
    assert counts(corrections) == (1, 0)
    assert len(corrections.seen) == 1


def test_a_rectangle_accepts_what_lies_in_it(corrections: Corrections) -> None:
    corrections.review(Rectangle(0, 0, 12, 7))
    assert corrections.accepted == {1}
    np.testing.assert_array_equal(corrections.checked(), np.indices((12, 14))[1] < 7)


def test_a_stroke_that_is_undone_after_the_review_is_not_vouched_for(
    layer: Labels, corrections: Corrections
) -> None:
    layer.fill((3, 3), 0)
    corrections.mark_all_reviewed()
    assert corrections.checked().all()
    layer.undo()
    assert corrections.accepted == set()
    np.testing.assert_array_equal(corrections.checked(), corrections.changes().touched)
    layer.undo()
    assert not corrections.checked().any()


def test_the_whole_image_is_reviewed_once(corrections: Corrections) -> None:
    corrections.review(Rectangle(0, 0, 3, 3))
    corrections.accept(1)
    corrections.mark_all_reviewed()
    corrections.mark_all_reviewed()
    assert counts(corrections) == (2, 0)
    assert len(corrections.seen) == 2


def test_new_labels_of_the_same_shape_keep_what_is_the_same(
    layer: Labels, corrections: Corrections
) -> None:
    layer.fill((3, 3), 7)
    corrections.accept(2)
    new = layer.data.copy()
    new[8:10, 8:10] = 3
    layer.data = new
    assert corrections.labels is new
    assert counts(corrections) == (1, 1)
    new = np.where(new == 7, 8, new)
    layer.data = np.where(new == 2, 9, new)
    assert counts(corrections) == (0, 0)
    assert not corrections.checked().any()


def test_labels_of_another_type_are_the_same(layer: Labels, corrections: Corrections) -> None:
    layer.fill((3, 3), 7)
    layer.data = layer.data.astype(np.uint16)
    assert counts(corrections) == (0, 1)


def test_labels_of_another_shape_begin_anew_and_an_undo_before_them_does_no_harm(
    layer: Labels, corrections: Corrections
) -> None:
    layer.fill((3, 3), 7)
    layer.data = np.ones((20, 20), np.int32)
    assert counts(corrections) == (0, 0)
    assert corrections.checked().shape == (20, 20)
    layer.fill((3, 3), 2)
    assert corrections.n_corrected == 1


def test_labels_with_more_axes_have_no_corrections(layer: Labels, corrections: Corrections) -> None:
    layer.data = np.ones((2, 12, 14), np.int32)
    layer.fill((0, 3, 3), 2)
    assert counts(corrections) == (0, 0)
    with pytest.raises(InputError, match="3 axes"):
        corrections_of(Labels(np.ones((2, 3, 4), np.int32)))


@pytest.mark.parametrize("ndim", [3, 4])
@pytest.mark.parametrize("how", ["paint", "fill", "polygon", "data_setitem"])
def test_labels_of_a_plane_of_a_stack_are_corrected_as_such(how: str, ndim: int) -> None:
    data = np.zeros((1,) * (ndim - 2) + (12, 14), np.int32)
    data[..., 2:6, 2:6] = 1
    layer = Labels(data)
    corrections = corrections_of(layer)
    assert corrections.labels.shape == (12, 14)
    before = (0,) * (ndim - 2)
    layer.brush_size = 1
    {
        "paint": lambda: layer.paint((*before, 9, 9), 5),
        "fill": lambda: layer.fill((*before, 3, 3), 5),
        "polygon": lambda: layer.paint_polygon(
            [(*before, *point) for point in [(8, 2), (8, 6), (11, 6), (11, 2)]], 5
        ),
        "data_setitem": lambda: layer.data_setitem(
            tuple(np.array([index]) for index in (*before, 9, 9)), 5
        ),
    }[how]()
    assert corrections.changes().nuclei == {5}
    np.testing.assert_array_equal(corrections.changes().touched, corrections.labels == 5)
    layer.undo()
    assert counts(corrections) == (0, 0)
    layer.data = layer.data.copy()
    layer.fill((*before, 3, 3), 6)
    assert counts(corrections) == (0, 1)


def test_each_stroke_is_told_when_its_pixels_are_there(
    layer: Labels, corrections: Corrections
) -> None:
    told: list[int] = []
    corrections.changed.connect(lambda: told.append(corrections.n_corrected))
    layer.data_setitem((np.array([9]), np.array([9])), 5)
    assert told[-1] == 1
    layer.undo()
    assert told[-1] == 0


def test_nothing_is_kept_of_a_layer_that_is_gone(viewer: Viewer) -> None:
    layer = viewer.add_labels(np.ones((5, 5), np.int32))
    corrections = corrections_of(layer)
    layer.fill((0, 0), 2)
    viewer.layers.remove(layer)
    assert corrections.n_corrected == 1
    other = Labels(np.ones((5, 5), np.int32))
    gone = weakref.ref(corrections_of(other))
    del other
    gc.collect()
    assert gone() is None
