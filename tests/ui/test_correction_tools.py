"""The correction tools in a real viewer: keys, buttons, mouse, undo, the queue."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari._app_model import get_app_model
from napari.layers import Labels
from napari.layers.base import Layer
from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtGui import QHideEvent, QShowEvent

from napari_nuclei.ui import correction_tools
from napari_nuclei.ui.correction_tools import ADVICE, CorrectionTools
from napari_nuclei.ui.corrections import corrections_of
from napari_nuclei.ui.gestures import Gestures
from napari_nuclei.ui.kept_maps import maps_of, note_maps
from napari_nuclei.ui.marks import NAME
from napari_nuclei.ui.toolbox import (
    ACCEPT,
    DELETE,
    FILL,
    MERGE,
    NEXT,
    PREVIOUS,
    RECTANGLE,
    REDRAW,
    SPLIT,
    VIEW,
)

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot
    from qtpy.QtWidgets import QApplication

    from napari_nuclei.ui.corrections import Corrections
    from napari_nuclei.ui.segment_widget import SegmentWidget

PAGE = Path(__file__).parents[2] / "docs" / "correcting.md"
TIMEOUT_MS = 30_000


@pytest.fixture
def labels() -> NDArray[np.int32]:
    """Return nuclei 1 to 4 in (60, 80): a large one, two that touch, a small one with a hole."""
    labels = np.zeros((60, 80), np.int32)
    labels[5:25, 5:35] = 1
    labels[30:40, 10:20] = 2
    labels[30:40, 20:30] = 3
    labels[40:48, 60:68] = 4
    labels[43:45, 63:65] = 0
    return labels


@pytest.fixture
def layer(viewer: Viewer, labels: NDArray[np.int32]) -> Labels:
    """Return a layer whose least certain nuclei are, in this order, 4, 2, 3, 1."""
    features = {
        "index": [1, 2, 3, 4],
        "mean_probability": [0.99, 0.7, 0.8, 0.6],
    }
    image = viewer.add_image(labels > 0, name="cells")
    assert image.visible
    return viewer.add_labels(labels, name="cells nuclei", features=features)


@pytest.fixture
def tools(layer: Labels, open_tools: Callable[[Labels], CorrectionTools]) -> CorrectionTools:
    """Return the panel in a dock, with the layer ranked."""
    return open_tools(layer)


@pytest.fixture
def corrections(tools: CorrectionTools) -> Corrections:
    assert tools.toolbox.corrector is not None
    return tools.toolbox.corrector.corrections


@pytest.fixture
def point_at(viewer: Viewer) -> Callable[[float, float], None]:
    """Return a function that puts the mouse on a pixel, without a click."""

    def point_at(y: float, x: float) -> None:
        viewer.mouse_over_canvas = True
        viewer.cursor.position = (y, x)

    return point_at


@pytest.fixture
def drag(viewer: Viewer) -> Callable[..., None]:
    """Return a function that presses, moves and releases the mouse at points of the layer."""
    canvas = viewer.window._qt_viewer.canvas

    def to_screen(y: float, x: float) -> tuple[float, float]:
        to_canvas = canvas.view.transform * canvas.view.scene.transform
        return tuple(to_canvas.map([x, y])[:2])

    def drag(
        *points: tuple[float, float], before_release: Callable[[], None] = lambda: None
    ) -> None:
        send = canvas._scene_canvas.events
        places = [to_screen(*point) for point in points]
        press = send.mouse_press(pos=places[0], button=1, buttons=[1], modifiers=())
        for place in places[1:]:
            send.mouse_move(pos=place, button=1, buttons=[1], modifiers=(), press_event=press)
        before_release()
        send.mouse_release(pos=places[-1], button=1, buttons=[], modifiers=(), press_event=press)

    return drag


def n_undo(layer: Labels) -> int:
    return len(layer._undo_history)


def ids(layer: Labels) -> set[int]:
    return set(np.unique(layer.data).tolist()) - {0}


def test_every_key_is_free_while_labels_are_selected(viewer: Viewer, layer: Labels) -> None:
    ours = {coerce_keybinding(key) for key in correction_tools.WORDS}
    # Keys of other kinds of layers are not theirs: napari asks the selected layer first.
    theirs = {*Labels.class_keymap, *Layer.class_keymap, *type(viewer).class_keymap}
    theirs |= {rule.keybinding for rule in get_app_model().keybindings}
    assert coerce_keybinding("M") in theirs
    assert len(ours) == len(correction_tools.WORDS)
    assert not ours & theirs
    assert not ours & set(viewer.keymap)


def test_the_guide_lists_every_key() -> None:
    named = re.findall(r"^\| `((?:Shift\+)?\w)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name.replace("+", "-") for name in sorted(named)] == sorted(correction_tools.WORDS)


def test_each_button_shows_its_key_and_says_what_it_does(tools: CorrectionTools) -> None:
    for key, button in tools.buttons.items():
        assert f"({key.replace('-', '+')})" in button.text()
        assert button.toolTip()
        assert button.isEnabled()


def test_without_a_layer_there_is_nothing_to_press(viewer: Viewer) -> None:
    tools = CorrectionTools(viewer)
    viewer.window.add_dock_widget(tools)
    assert not any(button.isEnabled() for button in tools.buttons.values())
    tools.toolbox.press(DELETE)
    tools.set_layer(viewer.add_labels(np.zeros((3, 4), np.int32)))
    assert all(button.isEnabled() for button in tools.buttons.values())
    stack = viewer.add_labels(np.zeros((2, 3, 4), np.int32))
    tools.set_layer(stack)
    assert "3 axes" in tools.hint.text()
    assert tools.toolbox.corrector is None
    assert not any(button.isEnabled() for button in tools.buttons.values())


@pytest.mark.parametrize(
    ("key", "point", "expected"),
    [(DELETE, (10, 10), {2, 3, 4}), (FILL, (40, 60), {1, 2, 3, 4})],
)
def test_a_key_corrects_the_nucleus_below_the_mouse_in_one_step_of_undo(
    layer: Labels,
    tools: CorrectionTools,
    press: Callable[[str], None],
    point_at: Callable[[float, float], None],
    key: str,
    point: tuple[float, float],
    expected: set[int],
) -> None:
    before = layer.data.copy()
    point_at(*point)
    press(key)
    assert ids(layer) == expected
    assert not np.array_equal(layer.data, before)
    assert n_undo(layer) == 1
    layer.undo()
    np.testing.assert_array_equal(layer.data, before)


def test_a_filled_nucleus_has_no_hole(
    layer: Labels, tools: CorrectionTools, press: Any, point_at: Any
) -> None:
    point_at(40, 60)
    press(FILL)
    assert (layer.data[40:48, 60:68] == 4).all()
    press(FILL)
    assert "no hole" in tools.hint.text()


def test_accepting_changes_no_pixel_and_can_be_taken_back(
    layer: Labels, tools: CorrectionTools, corrections: Corrections, press: Any, point_at: Any
) -> None:
    before = layer.data.copy()
    point_at(10, 10)
    press(ACCEPT)
    assert corrections.accepted == {1}
    press(ACCEPT)
    assert corrections.accepted == set()
    np.testing.assert_array_equal(layer.data, before)
    assert "not accepted any more" in tools.hint.text()
    press("Control-Z")
    assert corrections.accepted == {1}
    press("Control-Z")
    assert corrections.accepted == set()
    assert n_undo(layer) == 0


def test_a_nucleus_in_an_area_that_is_right_is_accepted_already(
    tools: CorrectionTools, corrections: Corrections, press: Any, point_at: Any
) -> None:
    press(VIEW)
    point_at(10, 10)
    press(ACCEPT)
    assert tools.hint.text() == ("Nucleus 1 is accepted already: it lies in an area that is right.")
    assert corrections.accepted == {1, 2, 3, 4}
    press("Control-Z")
    assert corrections.accepted == set()
    assert not corrections.checked().any()


def test_a_line_that_is_drawn_splits_a_nucleus(
    layer: Labels, tools: CorrectionTools, corrections: Corrections, press: Any, drag: Any
) -> None:
    before = layer.data.copy()
    press(SPLIT)
    assert "Drag a line" in tools.hint.text()
    assert tools.buttons[SPLIT].isChecked()
    drag((2, 20), (14, 20), (28, 20))
    assert layer.data[10, 30] != layer.data[10, 8]
    assert {1, 5} <= ids(layer)
    assert corrections.n_corrected == 2
    assert n_undo(layer) == 1
    layer.undo()
    np.testing.assert_array_equal(layer.data, before)
    assert corrections.n_corrected == 0


def test_escape_in_the_middle_of_a_drag_leaves_all_as_it_was(
    layer: Labels, tools: CorrectionTools, press: Any, drag: Any
) -> None:
    before = layer.data.copy()
    press(SPLIT)
    drag((2, 20), (14, 20), (28, 20), before_release=lambda: press("Escape"))
    np.testing.assert_array_equal(layer.data, before)
    assert n_undo(layer) == 0


def test_two_clicks_split_a_nucleus_between_them(
    layer: Labels, tools: CorrectionTools, press: Any, drag: Any
) -> None:
    press(SPLIT)
    drag((15, 10))
    assert "other half" in tools.hint.text()
    drag((15, 30))
    assert layer.data[15, 10] == 1
    assert layer.data[15, 30] == 5
    assert n_undo(layer) == 1


def test_what_cannot_be_split_is_said(
    layer: Labels, tools: CorrectionTools, press: Any, drag: Any
) -> None:
    press(SPLIT)
    drag((55, 5), (55, 40))
    assert "no nucleus under" in tools.hint.text()
    drag((1, 1))
    assert "no nucleus" in tools.hint.text()
    drag((15, 10))
    drag((35, 15))
    assert "same nucleus" in tools.hint.text()
    assert n_undo(layer) == 0


def test_two_nuclei_that_are_clicked_become_one(
    layer: Labels, tools: CorrectionTools, corrections: Corrections, press: Any, drag: Any
) -> None:
    press(MERGE)
    drag((35, 15))
    drag((35, 25))
    assert ids(layer) == {1, 2, 4}
    assert corrections.n_corrected == 1
    assert n_undo(layer) == 1
    drag((35, 15))
    drag((44, 61))
    assert "px apart" in tools.hint.text()
    assert ids(layer) == {1, 2, 4}


def test_a_key_over_a_nucleus_takes_it_as_the_first_to_merge(
    layer: Labels, tools: CorrectionTools, press: Any, point_at: Any, drag: Any
) -> None:
    point_at(35, 25)
    press(MERGE)
    assert "merge into nucleus 3" in tools.hint.text()
    drag((35, 15))
    assert ids(layer) == {1, 3, 4}


def test_a_button_chooses_a_tool_for_many_clicks_and_escape_ends_it(
    viewer: Viewer, layer: Labels, tools: CorrectionTools, press: Any, drag: Any
) -> None:
    layer.mode = "paint"
    tools.buttons[DELETE].click()
    assert tools.buttons[DELETE].isChecked()
    assert layer.mode == "pan_zoom"
    drag((35, 15))
    drag((44, 61))
    drag((58, 2))
    assert "no nucleus" in tools.hint.text()
    assert ids(layer) == {1, 3}
    assert n_undo(layer) == 2
    press("Escape")
    assert not tools.buttons[DELETE].isChecked()
    assert layer.mode == "paint"
    assert coerce_keybinding("Escape") not in layer.keymap
    layer.mode = "pan_zoom"
    drag((10, 10))
    assert ids(layer) == {1, 3}


def test_a_button_that_is_pressed_again_and_another_tool_of_napari_end_a_tool(
    layer: Labels, tools: CorrectionTools
) -> None:
    tools.buttons[SPLIT].click()
    assert not layer.mouse_pan
    tools.buttons[SPLIT].click()
    assert layer.mouse_pan
    assert not tools.buttons[SPLIT].isChecked()
    tools.buttons[SPLIT].click()
    layer.mode = "erase"
    assert layer.mode == "erase"
    assert not tools.buttons[SPLIT].isChecked()
    owners = [getattr(callback, "__self__", None) for callback in layer.mouse_drag_callbacks]
    assert not any(isinstance(owner, Gestures) for owner in owners)


def test_a_rectangle_that_is_drawn_is_right(
    tools: CorrectionTools, corrections: Corrections, press: Any, drag: Any
) -> None:
    press(RECTANGLE)
    drag((50, 40), (30, 20), (28, 3))
    assert corrections.accepted == {2, 3}
    checked = corrections.checked()
    assert checked[28:51, 3:41].all()
    assert np.count_nonzero(checked) == 23 * 38
    assert "2 more" in tools.hint.text()


def test_all_that_is_in_view_is_right(
    viewer: Viewer, tools: CorrectionTools, corrections: Corrections, press: Any
) -> None:
    press(VIEW)
    assert corrections.accepted == {1, 2, 3, 4}
    assert corrections.checked().all()


def test_next_goes_from_the_least_certain_to_the_surest(
    viewer: Viewer, layer: Labels, tools: CorrectionTools, press: Any
) -> None:
    press(NEXT)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (43.5, 63.5))
    assert layer.selected_label == 4
    press(NEXT)
    assert layer.selected_label == 2
    press(PREVIOUS)
    assert layer.selected_label == 4
    press(PREVIOUS)
    assert "first one" in tools.hint.text()


def test_what_was_accepted_or_deleted_leaves_the_queue(
    layer: Labels, tools: CorrectionTools, corrections: Corrections, press: Any, qtbot: QtBot
) -> None:
    press(NEXT)
    press(ACCEPT)
    assert corrections.accepted == {4}
    assert layer.selected_label == 2
    press(DELETE)
    assert layer.selected_label == 3
    qtbot.waitUntil(lambda: tools.position.text() == "2 checked, 2 to check", timeout=TIMEOUT_MS)
    press(ACCEPT)
    press(ACCEPT)
    assert "All nuclei are checked" in tools.hint.text()
    press(PREVIOUS)
    assert layer.selected_label == 3
    assert ids(layer) == {1, 3, 4}


def test_after_a_jump_the_mouse_counts_when_it_has_moved(
    layer: Labels, corrections: Corrections, press: Any, point_at: Any
) -> None:
    point_at(10, 10)
    press(NEXT)
    press(ACCEPT)
    assert corrections.accepted == {4}
    point_at(11, 11)
    press(ACCEPT)
    assert corrections.accepted == {1, 4}


def test_a_nucleus_that_is_out_of_view_is_not_meant(
    viewer: Viewer, layer: Labels, tools: CorrectionTools, press: Any
) -> None:
    press(NEXT)
    viewer.scene.camera.center = (0, 500, 500)
    press(DELETE)
    assert ids(layer) == {1, 2, 3, 4}
    assert tools.buttons[DELETE].isChecked()


def test_a_nucleus_is_drawn_anew_with_its_id(
    layer: Labels,
    tools: CorrectionTools,
    corrections: Corrections,
    press: Any,
    point_at: Any,
    qtbot: QtBot,
) -> None:
    point_at(10, 10)
    press(REDRAW)
    assert layer.mode == "polygon"
    assert layer.selected_label == 1
    assert ids(layer) == {2, 3, 4}
    layer.paint_polygon([(6, 6), (6, 20), (20, 20), (20, 6)], layer.selected_label)
    qtbot.waitUntil(lambda: layer.mode == "pan_zoom", timeout=TIMEOUT_MS)
    assert ids(layer) == {1, 2, 3, 4}
    assert corrections.n_corrected == 1
    assert "is drawn" in tools.hint.text()
    assert not tools.buttons[REDRAW].isChecked()
    assert n_undo(layer) == 1
    press("Control-Z")
    assert layer.data[10, 30] == 1
    assert corrections.n_corrected == 0


@pytest.mark.parametrize("key", ["Escape", "Control-Z", NEXT, REDRAW])
def test_a_nucleus_that_is_not_drawn_anew_is_as_it_was(
    layer: Labels,
    tools: CorrectionTools,
    corrections: Corrections,
    press: Any,
    point_at: Any,
    drag: Any,
    key: str,
) -> None:
    before = layer.data.copy()
    point_at(35, 15)
    press(DELETE)
    point_at(10, 10)
    press(REDRAW)
    assert tools.buttons[REDRAW].isChecked()
    drag((6, 6))
    press(key)
    assert ids(layer) == {1, 3, 4}
    assert layer.mode == "pan_zoom"
    assert layer._overlays["polygon"].points == []
    assert not tools.buttons[REDRAW].isChecked()
    assert corrections.n_corrected == n_undo(layer) == 1
    for bound in ("Escape", "Control-Z"):
        assert coerce_keybinding(bound) not in layer.keymap
    press("Control-Z")
    np.testing.assert_array_equal(layer.data, before)


def test_a_view_is_right_only_with_the_nucleus_that_is_not_drawn_anew(
    layer: Labels, tools: CorrectionTools, corrections: Corrections, press: Any, point_at: Any
) -> None:
    before = layer.data.copy()
    point_at(10, 10)
    press(REDRAW)
    press(VIEW)
    np.testing.assert_array_equal(layer.data, before)
    assert 1 in corrections.accepted


def test_why_a_layer_cannot_be_corrected_stays_to_be_read(
    viewer: Viewer, layer: Labels, tools: CorrectionTools, press: Any, point_at: Any
) -> None:
    point_at(10, 10)
    press(DELETE)
    stack = viewer.add_labels(np.zeros((2, 2, 40, 60), np.int32))
    tools.set_layer(stack)
    reason = tools.hint.text()
    assert reason
    layer.undo()
    assert tools.hint.text() == reason


def test_another_tool_of_napari_and_a_panel_that_is_hidden_bring_a_nucleus_back(
    layer: Labels, tools: CorrectionTools, press: Any, point_at: Any, qapp: QApplication
) -> None:
    before = layer.data.copy()
    point_at(10, 10)
    press(REDRAW)
    layer.mode = "paint"
    np.testing.assert_array_equal(layer.data, before)
    assert layer.mode == "paint"
    assert "as it was" in tools.hint.text()
    press(REDRAW)
    qapp.sendEvent(tools, QHideEvent())
    np.testing.assert_array_equal(layer.data, before)
    assert n_undo(layer) == 0


def test_a_nucleus_is_chosen_and_drawn_anew_with_the_mouse(
    layer: Labels, tools: CorrectionTools, drag: Any
) -> None:
    tools.buttons[REDRAW].click()
    assert "Click the nucleus" in tools.hint.text()
    drag((35, 15))
    assert tools.hint.text().startswith("Draw nucleus 2 anew")
    assert "Click the nucleus" not in tools.hint.text()
    assert ids(layer) == {1, 3, 4}
    assert tools.buttons[REDRAW].isChecked()


def test_new_labels_are_ranked_anew(
    layer: Labels, tools: CorrectionTools, qtbot: QtBot, press: Any
) -> None:
    press(NEXT)
    new = np.zeros_like(layer.data)
    new[10:20, 10:20] = 7
    new[30:40, 10:20] = 8
    new[30:33, 40:43] = 9
    with qtbot.waitSignal(tools.toolbox.queue.ranked, timeout=TIMEOUT_MS):
        layer.data = new
    assert tools.toolbox.queue.order is not None
    assert tools.toolbox.queue.order[0] == 9
    assert set(tools.toolbox.queue.order) == {7, 8, 9}


def test_the_maps_of_the_segmentation_rank_as_long_as_they_are_kept(
    layer: Labels, tools: CorrectionTools, qtbot: QtBot
) -> None:
    @dataclass(frozen=True)
    class Found:
        maps: NDArray[np.float32]

    maps = np.ones((*layer.data.shape, 3), np.float32)
    maps[..., 1] = np.choose(layer.data, [0, 0.9, 0.1, 0.3, 0.2])
    found = Found(maps)
    note_maps(layer, found)
    queue = tools.toolbox.queue
    with qtbot.waitSignal(queue.ranked, timeout=TIMEOUT_MS):
        queue.follow(layer)
    assert queue.order == (1, 3, 4, 2)
    del found
    gc.collect()
    with qtbot.waitSignal(queue.ranked, timeout=TIMEOUT_MS):
        queue.follow(layer)
    assert queue.order == (4, 2, 3, 1)


def test_maps_are_known_of_the_last_result(
    viewer: Viewer, widget: SegmentWidget, two_squares: NDArray[np.float32], run: Any
) -> None:
    viewer.add_image(two_squares, name="cells")
    run(widget)
    maps = maps_of(viewer.layers["cells nuclei"])
    assert maps is not None
    assert maps.shape == (40, 50, 3)


def test_next_waits_for_the_ranking(
    layer: Labels, tools: CorrectionTools, qtbot: QtBot, press: Any
) -> None:
    tools.set_layer(None)
    tools.set_layer(layer)
    press(NEXT)
    assert "Looking" in tools.hint.text()
    qtbot.waitUntil(lambda: layer.selected_label == 4, timeout=TIMEOUT_MS)


def test_keys_act_on_the_selected_layer_only(
    viewer: Viewer, layer: Labels, tools: CorrectionTools, press: Any, point_at: Any
) -> None:
    viewer.layers.selection.active = viewer.layers["cells"]
    point_at(10, 10)
    press(DELETE)
    assert ids(layer) == {1, 2, 3, 4}


def test_in_3d_and_in_a_hidden_or_locked_layer_nothing_is_corrected(
    viewer: Viewer, layer: Labels, tools: CorrectionTools, press: Any, point_at: Any
) -> None:
    point_at(10, 10)
    viewer.dims.ndisplay = 3
    press(DELETE)
    assert "2D view" in tools.hint.text()
    viewer.dims.ndisplay = 2
    layer.visible = False
    press(DELETE)
    assert "hidden" in tools.hint.text()
    layer.visible = True
    layer.editable = False
    press(DELETE)
    assert "locked" in tools.hint.text()
    assert ids(layer) == {1, 2, 3, 4}


def test_scale_position_and_a_stack_below_do_not_matter(
    viewer: Viewer, labels: NDArray[np.int32], qtbot: QtBot, press: Any, drag: Any
) -> None:
    viewer.add_image(np.zeros((3, 60, 80)), scale=(1, 0.5, 0.5))
    layer = viewer.add_labels(labels, scale=(0.5, 0.5), translate=(7, 9))
    tools = CorrectionTools(viewer)
    viewer.window.add_dock_widget(tools)
    with qtbot.waitSignal(tools.toolbox.queue.ranked, timeout=TIMEOUT_MS):
        tools.set_layer(layer)
    press(NEXT)
    nucleus = layer.selected_label
    rows, columns = np.nonzero(labels == nucleus)
    middle = (rows.min() + rows.max()) / 2 * 0.5 + 7, (columns.min() + columns.max()) / 2 * 0.5 + 9
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], middle)
    press(DELETE)
    assert nucleus not in ids(layer)
    viewer.reset_view()
    press(RECTANGLE)
    drag((7, 9), (20, 30), (7 + 59 / 2, 9 + 79 / 2))
    assert corrections_of(layer).accepted == ids(layer)


def test_other_axes_than_height_and_width_are_not_corrected(
    viewer: Viewer, labels: NDArray[np.int32], qtbot: QtBot, press: Any
) -> None:
    viewer.add_image(np.zeros((3, 60, 80)))
    layer = viewer.add_labels(labels[np.newaxis])
    tools = CorrectionTools(viewer)
    viewer.window.add_dock_widget(tools)
    tools.set_layer(layer)
    viewer.dims.order = (1, 0, 2)
    press(VIEW)
    assert "2D view of height and width" in tools.hint.text()
    assert not corrections_of(layer).is_any


def test_layers_of_other_units_do_not_matter(
    viewer: Viewer, labels: NDArray[np.int32], qtbot: QtBot, press: Any, drag: Any, point_at: Any
) -> None:
    viewer.add_image(np.zeros((60, 80)), scale=(0.5, 0.5), units=("um", "um"))
    layer = viewer.add_labels(labels, scale=(500, 500), units=("nm", "nm"))
    # Of the world that both are shown in.
    world = (0.5 * viewer.layers[0].units[0]).m_as(viewer.dims.units[0])
    tools = CorrectionTools(viewer)
    viewer.window.add_dock_widget(tools)
    with qtbot.waitSignal(tools.toolbox.queue.ranked, timeout=TIMEOUT_MS):
        tools.set_layer(layer)
    press(NEXT)
    rows, columns = np.nonzero(labels == layer.selected_label)
    middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], np.multiply(middle, world))
    viewer.reset_view()
    point_at(10 * world, 10 * world)
    press(DELETE)
    assert ids(layer) == {2, 3, 4}
    viewer.mouse_over_canvas = False
    viewer.scene.camera.center = (0, 500 * world, 500 * world)
    press(RECTANGLE)
    viewer.reset_view()
    drag((28 * world, 3 * world), (35 * world, 15 * world), (50 * world, 40 * world))
    assert corrections_of(layer).accepted == {2, 3}


def test_a_hint_goes_with_its_tool(layer: Labels, tools: CorrectionTools, press: Any) -> None:
    press(NEXT)
    assert "is in the middle" in tools.hint.text()
    layer.mode = "paint"
    assert tools.hint.text() == ADVICE


@pytest.mark.parametrize("key", [ACCEPT, DELETE, FILL, VIEW])
def test_what_was_undone_is_not_told_any_more(
    tools: CorrectionTools, press: Any, point_at: Any, key: str
) -> None:
    point_at(40, 60)
    press(key)
    assert tools.hint.text() != ADVICE
    press("Control-Z")
    assert tools.hint.text() == ADVICE


def test_an_undo_leaves_what_to_do_now(
    layer: Labels, tools: CorrectionTools, press: Any, drag: Any
) -> None:
    press(MERGE)
    drag((35, 15))
    drag((35, 25))
    assert tools.hint.text().startswith("Merged into nucleus 2. ")
    press("Control-Z")
    assert tools.hint.text() == "Click a nucleus, then the one to merge into it. Escape ends."
    press("Escape")
    press(NEXT)
    press(DELETE)
    assert tools.hint.text().startswith("Nucleus 4 deleted. Nucleus 2 is in the middle.")
    press("Control-Z")
    assert tools.hint.text().startswith("Nucleus 2 is in the middle.")


def test_an_undo_of_something_else_leaves_the_hint(
    layer: Labels, tools: CorrectionTools, press: Any, point_at: Any
) -> None:
    point_at(10, 10)
    press(DELETE)
    layer.fill((35, 15), 9)
    press("Control-Z")
    assert tools.hint.text() == "Nucleus 1 deleted."
    press("Control-Z")
    assert tools.hint.text() == ADVICE


def test_a_nucleus_whose_drawing_was_undone_is_not_told_any_more(
    layer: Labels, tools: CorrectionTools, press: Any, point_at: Any, qtbot: QtBot
) -> None:
    point_at(10, 10)
    press(REDRAW)
    layer.paint_polygon([(6, 6), (6, 20), (20, 20), (20, 6)], 1)
    qtbot.waitUntil(lambda: "is drawn" in tools.hint.text(), timeout=TIMEOUT_MS)
    press("Control-Z")
    assert tools.hint.text() == ADVICE


def test_the_current_nucleus_and_the_accepted_ones_are_marked(
    viewer: Viewer, layer: Labels, tools: CorrectionTools, press: Any, qtbot: QtBot
) -> None:
    def marked(dots: list[list[float]], ring: list[float] | None) -> bool:
        if NAME not in viewer.layers:
            return False
        points = viewer.layers[NAME]
        shown = points.data[points.shown].tolist()
        return shown == [*([ring, ring] if ring else []), *dots]

    layer.mode = "paint"
    assert NAME not in viewer.layers
    press(NEXT)
    qtbot.waitUntil(lambda: marked([], [43.5, 63.5]), timeout=TIMEOUT_MS)
    assert viewer.layers.selection.active is layer
    assert layer.mode == "paint"
    press(ACCEPT)
    qtbot.waitUntil(lambda: marked([[43.5, 63.5]], [34.5, 14.5]), timeout=TIMEOUT_MS)
    press("Control-Z")
    qtbot.waitUntil(lambda: marked([], [34.5, 14.5]), timeout=TIMEOUT_MS)
    marks = viewer.layers[NAME]
    assert np.all(marks.size > 10)
    assert not marks.editable
    tools.toolbox.queue.follow(None)
    qtbot.waitUntil(lambda: marked([], None), timeout=TIMEOUT_MS)
    tools.toolbox.queue.follow(layer)
    viewer.reset_view()
    press(VIEW)
    dots = [[14.5, 19.5], [34.5, 14.5], [34.5, 24.5], [43.5, 63.5]]
    qtbot.waitUntil(lambda: marked(dots, None), timeout=TIMEOUT_MS)
    assert marks.size[2] < 10


def test_marks_go_with_the_panel_and_with_the_layer(
    viewer: Viewer,
    layer: Labels,
    tools: CorrectionTools,
    press: Any,
    qtbot: QtBot,
    qapp: QApplication,
) -> None:
    press(NEXT)
    qtbot.waitUntil(lambda: NAME in viewer.layers, timeout=TIMEOUT_MS)
    qapp.sendEvent(tools, QHideEvent())
    assert NAME not in viewer.layers
    qapp.sendEvent(tools, QShowEvent())
    qtbot.waitUntil(lambda: NAME in viewer.layers, timeout=TIMEOUT_MS)
    viewer.layers.remove(layer)
    assert NAME not in viewer.layers


def test_marks_that_somebody_removes_stay_away(
    viewer: Viewer, layer: Labels, tools: CorrectionTools, press: Any, qtbot: QtBot
) -> None:
    press(NEXT)
    qtbot.waitUntil(lambda: NAME in viewer.layers, timeout=TIMEOUT_MS)
    viewer.layers.remove(NAME)
    viewer.layers.selection.active = layer
    press(NEXT)
    with qtbot.waitSignal(tools.marks.drawn, timeout=TIMEOUT_MS):
        press(NEXT)
    assert NAME not in viewer.layers
    tools.set_layer(None)
    tools.set_layer(layer)
    corrections_of(layer).accept(1)
    qtbot.waitUntil(lambda: NAME in viewer.layers, timeout=TIMEOUT_MS)


def test_a_layer_that_is_removed_is_let_go(
    viewer: Viewer, layer: Labels, tools: CorrectionTools
) -> None:
    tools.buttons[SPLIT].click()
    viewer.layers.remove(layer)
    assert tools.toolbox.corrector is None
    assert not tools.buttons[SPLIT].isEnabled()
    assert tools.position.text() == ""


def test_keys_and_mouse_are_let_go_while_the_panel_is_hidden(
    viewer: Viewer, layer: Labels, tools: CorrectionTools, qapp: QApplication
) -> None:
    tools.buttons[SPLIT].click()
    qapp.sendEvent(tools, QHideEvent())
    assert coerce_keybinding(SPLIT) not in viewer.keymap
    assert layer.mouse_pan
    qapp.sendEvent(tools, QShowEvent())
    assert coerce_keybinding(SPLIT) in viewer.keymap


def test_a_panel_that_was_closed_can_be_collected(
    viewer: Viewer, layer: Labels, qtbot: QtBot
) -> None:
    tools = CorrectionTools(viewer)
    viewer.window.add_dock_widget(tools)
    with qtbot.waitSignal(tools.toolbox.queue.ranked, timeout=TIMEOUT_MS):
        tools.set_layer(layer)
    finder = tools.lost.finder
    qtbot.waitUntil(lambda: not finder.running, timeout=TIMEOUT_MS)
    viewer.window.remove_dock_widget(tools)
    del tools
    # It crashed here, with the panel's widgets; whether all is gone already is up to Qt.
    gc.collect()
    layer.fill((10, 10), 9)
    viewer.layers.remove(layer)
