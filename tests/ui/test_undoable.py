"""A value beside the pixels of a real Labels layer, in the order of its undo."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels

from napari_nuclei.ui.undoable import Undoable


@pytest.fixture
def layer() -> Labels:
    return Labels(np.zeros((2, 3), np.int32))


def paint(layer: Labels) -> None:
    layer.data_setitem((np.array([0]), np.array([1])), 7)


def test_each_change_is_one_step_among_the_strokes(layer: Labels) -> None:
    value = Undoable(layer, "none")
    value.change("first")
    paint(layer)
    value.change("second")
    seen = []
    for _ in range(3):
        layer.undo()
        value.follow()
        seen.append((value.value, layer.data[0, 1]))
    assert seen == [("first", 7), ("first", 0), ("none", 0)]
    for _ in range(3):
        layer.redo()
    value.follow()
    assert (value.value, layer.data[0, 1]) == ("second", 7)


def test_a_change_after_an_undo_leaves_nothing_to_do_again(layer: Labels) -> None:
    value = Undoable(layer, "none")
    value.change("first")
    layer.undo()
    value.change("other")
    layer.redo()
    value.follow()
    assert value.value == "other"
    layer.undo()
    value.follow()
    assert value.value == "none"


def test_what_is_too_old_to_be_undone_stays(layer: Labels) -> None:
    value = Undoable(layer, "none")
    value.change("first")
    for _ in range(layer._history_limit):
        paint(layer)
    value.follow()
    value.change("second")
    layer.undo()
    value.follow()
    assert value.value == "first"


def test_a_value_outlives_its_layer(layer: Labels) -> None:
    value = Undoable(Labels(np.zeros((2, 3), np.int32)), "none")
    value.change("first")
    assert value.value == "first"
