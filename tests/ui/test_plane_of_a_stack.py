"""Nuclei of one plane of a stack: seen, corrected, compared and learnt from on that plane alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from napari_nuclei import paths
from napari_nuclei.pipeline.autosave import Session
from napari_nuclei.ui import autosaver
from napari_nuclei.ui.corrections import corrections_of
from napari_nuclei.ui.kept_maps import maps_of
from napari_nuclei.ui.layer_pair import pair_of
from napari_nuclei.ui.lost_work import LostWork
from napari_nuclei.ui.marks import NAME
from napari_nuclei.ui.planes import Scope
from napari_nuclei.ui.toolbox import ACCEPT, DELETE, NEXT, SPLIT, VIEW

if TYPE_CHECKING:
    from napari.layers import Image, Labels
    from napari.viewer import Viewer
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from napari_nuclei.ui.correction_tools import CorrectionTools
    from napari_nuclei.ui.segment_widget import SegmentWidget

TIMEOUT_MS = 60_000
PLANE = 2
SCALE = (4.0, 0.5, 0.5)
TRANSLATE = (10.0, 3.0, 0.0)


@pytest.fixture
def image(viewer: Viewer, two_squares: NDArray[np.float32]) -> Image:
    """Return five planes; from plane to plane, the squares lie one pixel further to the right."""
    planes = np.stack([np.roll(two_squares, shift, axis=1) for shift in range(5)])
    return viewer.add_image(
        planes, name="stack", axis_labels=("z", "y", "x"), scale=SCALE, translate=TRANSLATE
    )


@pytest.fixture
def nuclei(viewer: Viewer, widget: SegmentWidget, image: Image, run: Any) -> Labels:
    """Return what the Segment widget finds on a plane."""
    viewer.dims.set_current_step(0, PLANE)
    run(widget)
    return viewer.layers["stack nuclei"]


@pytest.fixture
def tools(viewer: Viewer, nuclei: Labels, open_tools: Any) -> CorrectionTools:
    tools: CorrectionTools = open_tools(nuclei)
    viewer.layers.selection.active = nuclei
    return tools


def point_at(viewer: Viewer, layer: Labels, y: float, x: float) -> None:
    """Put the mouse on a pixel of the plane that is shown."""
    world = np.array(layer.data_to_world((0, y, x)))
    viewer.mouse_over_canvas = True
    viewer.cursor.position = (viewer.dims.point[0], *world[1:])


def test_they_are_seen_on_their_plane_alone(viewer: Viewer, image: Image, nuclei: Labels) -> None:
    assert nuclei.data.shape == (1, 40, 50)
    assert_allclose(nuclei.translate, (TRANSLATE[0] + PLANE * SCALE[0], *TRANSLATE[1:]))
    assert_allclose(nuclei.scale, SCALE)
    assert_allclose(nuclei.data_to_world((0, 3, 4)), image.data_to_world((PLANE, 3, 4)))
    for plane in range(5):
        viewer.dims.set_current_step(0, plane)
        assert nuclei._slice.image.raw.any() == (plane == PLANE)


def test_what_was_found_goes_on_from_there(
    viewer: Viewer, widget: SegmentWidget, nuclei: Labels, qtbot: QtBot
) -> None:
    assert maps_of(nuclei).shape == (40, 50, 3)
    qtbot.waitUntil(lambda: widget.results.recount.idle, timeout=TIMEOUT_MS)
    assert widget.results.count.text() == "2 nuclei"
    widget.results.probability.setChecked(True)
    assert viewer.layers["stack probability"].data.shape == (1, 40, 50)
    with qtbot.waitSignal(widget.live.relabelled, timeout=TIMEOUT_MS):
        widget.controls.probability.setValue(0.8)
    assert viewer.layers["stack nuclei"] is nuclei
    assert nuclei.data.shape == (1, 40, 50)
    assert nuclei.data.max() == 1


def test_tools_and_brush_correct_them(
    viewer: Viewer, nuclei: Labels, tools: CorrectionTools, press: Any, qtbot: QtBot
) -> None:
    before = nuclei.data.copy()
    corrections = corrections_of(nuclei)
    point_at(viewer, nuclei, 10, 10)
    press(ACCEPT)
    assert corrections.accepted == {1}
    qtbot.waitUntil(lambda: NAME in viewer.layers, timeout=TIMEOUT_MS)
    assert_allclose(viewer.layers[NAME].data[-1], (0, 9.5, 11.5))
    assert_allclose(viewer.layers[NAME].translate, nuclei.translate)
    point_at(viewer, nuclei, 30, 30)
    press(DELETE)
    assert_array_equal(nuclei.data, np.where(before == 2, 0, before))
    nuclei.brush_size = 1
    nuclei.paint((0, 0, 0), 7)
    assert (corrections.n_accepted, corrections.n_corrected) == (1, 2)
    for _ in range(3):
        nuclei.undo()
    assert_array_equal(nuclei.data, before)
    assert (corrections.n_accepted, corrections.n_corrected) == (0, 0)


def test_marks_are_seen_on_their_plane_alone(
    viewer: Viewer, nuclei: Labels, tools: CorrectionTools, press: Any, qtbot: QtBot
) -> None:
    def is_any_seen() -> bool:
        marks = viewer.layers[NAME]
        marks.visible = True
        seen = viewer.screenshot(flash=False)
        marks.visible = False
        return not np.array_equal(seen, viewer.screenshot(flash=False))

    viewer.window.show()
    point_at(viewer, nuclei, 10, 10)
    press(ACCEPT)
    qtbot.waitUntil(lambda: NAME in viewer.layers, timeout=TIMEOUT_MS)
    assert is_any_seen()
    viewer.dims.set_current_step(0, PLANE + 1)
    assert not is_any_seen()
    viewer.dims.set_current_step(0, PLANE)
    assert is_any_seen()
    with qtbot.waitSignal(tools.marks.drawn, timeout=TIMEOUT_MS):
        nuclei.undo()
    assert not is_any_seen()


def test_a_line_that_is_drawn_splits_one(
    viewer: Viewer, nuclei: Labels, tools: CorrectionTools, press: Any
) -> None:
    press(SPLIT)
    canvas = viewer.window._qt_viewer.canvas
    to_canvas = canvas.view.transform * canvas.view.scene.transform
    ends = [nuclei.data_to_world((0, y, 30))[1:] for y in (22, 37)]
    first, last = (tuple(to_canvas.map([x, y])[:2]) for y, x in ends)
    send = canvas._scene_canvas.events
    press_event = send.mouse_press(pos=first, button=1, buttons=[1], modifiers=())
    held = {"button": 1, "modifiers": (), "press_event": press_event}
    send.mouse_move(pos=last, buttons=[1], **held)
    assert_allclose(nuclei._overlays["polygon"].points, [(0, 22, 30), (0, 37, 30)], atol=0.5)
    send.mouse_release(pos=last, buttons=[], **held)
    assert set(np.unique(nuclei.data)) == {0, 1, 2, 3}


def test_on_another_plane_nothing_is_corrected_and_next_goes_there(
    viewer: Viewer, nuclei: Labels, tools: CorrectionTools, press: Any
) -> None:
    before = nuclei.data.copy()
    viewer.dims.set_current_step(0, PLANE - 1)
    for key in (VIEW, DELETE):
        point_at(viewer, nuclei, 10, 10)
        press(key)
        assert "lie on another plane" in tools.hint.text()
    assert_array_equal(nuclei.data, before)
    assert not corrections_of(nuclei).is_any
    press(NEXT)
    assert viewer.dims.current_step[0] == PLANE
    rows, columns = np.nonzero(nuclei.data[0] == nuclei.selected_label)
    middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    expected = nuclei.data_to_world((0, *middle))[1:]
    assert_allclose(viewer.scene.camera.center[-2:], expected)


def test_what_is_clicked_after_the_slider_was_moved_is_not_corrected(
    viewer: Viewer, nuclei: Labels, tools: CorrectionTools, press: Any
) -> None:
    press(DELETE)
    viewer.dims.set_current_step(0, PLANE - 1)
    tools.toolbox._gestures._on_click((10, 10))
    assert "lie on another plane" in tools.hint.text()
    viewer.dims.set_current_step(0, PLANE)
    tools.toolbox._gestures._on_click((10, 10))
    assert not (nuclei.data == 1).any()


def test_a_pair_has_the_plane_of_the_labels_whatever_is_shown(
    viewer: Viewer, image: Image, nuclei: Labels
) -> None:
    viewer.dims.set_current_step(0, PLANE - 2)
    pair = pair_of(viewer, image, nuclei)
    assert pair.name == "stack z 3 of 5"
    corrections_of(nuclei).mark_all_reviewed()
    copy = pair.read()
    assert_array_equal(copy.image, image.data[PLANE])
    assert_array_equal(copy.labels, nuclei.data[0])
    assert copy.n_checked == 2


def test_a_part_of_a_plane_is_learnt_from_where_it_lies(
    viewer: Viewer, widget: SegmentWidget, image: Image, run: Any
) -> None:
    viewer.dims.set_current_step(0, PLANE)
    corners = [(0, y, x) for y, x in ((20, 20), (20, 45), (39, 45), (39, 20))]
    world = [image.data_to_world(np.add(corner, (PLANE, 0, 0))) for corner in corners]
    shapes = viewer.add_shapes([world], shape_type="polygon")
    shapes.selected_data = {0}
    widget.axes.scope.setCurrentIndex(widget.axes.scope.findData(Scope.SHAPES))
    run(widget)
    labels = viewer.layers["stack nuclei"]
    assert labels.data.shape == (1, 20, 26)
    viewer.dims.set_current_step(0, 0)
    pair = pair_of(viewer, image, labels)
    assert_array_equal(pair.read().image, image.data[PLANE, 20:40, 20:46])
    assert_allclose(pair.planes.geometry["translate"], labels.translate)


def test_corrections_come_back_on_their_plane_after_a_crash(
    viewer: Viewer, nuclei: Labels, tools: CorrectionTools, qtbot: QtBot
) -> None:
    corrections_of(nuclei).accept(1)
    nuclei.fill((0, 30, 30), 0)
    died = Session(paths.autosaves())
    died.save("key", autosaver._work_of(nuclei))
    died._held.close()
    lost = LostWork(viewer, tools)
    qtbot.waitUntil(lambda: not lost.isHidden(), timeout=TIMEOUT_MS)
    with qtbot.waitSignal(lost.restored, timeout=TIMEOUT_MS):
        lost.restore.click()
    restored = viewer.layers["stack nuclei (restored)"]
    assert_array_equal(restored.data, nuclei.data)
    assert_allclose(restored.translate, nuclei.translate)
    corrections = corrections_of(restored)
    assert (corrections.n_accepted, corrections.n_corrected) == (1, 1)


def test_a_channel_without_a_name_is_the_one_that_is_learnt_from(
    viewer: Viewer, widget: SegmentWidget, two_squares: NDArray[np.float32], run: Any
) -> None:
    """As napari's own reader opens a TIFF of time and channels: no axis has a name."""
    factors = np.arange(1, 13).reshape(4, 3, 1, 1)
    image = viewer.add_image(two_squares * factors, name="movie", channel_axis=None)
    axes = widget.axes
    axes.channel_axis.setCurrentIndex(axes.channel_axis.findData(1))
    axes.channel.setValue(3)
    viewer.dims.set_current_step(0, 2)
    run(widget)
    pair = pair_of(viewer, image, viewer.layers["movie nuclei"])
    assert_array_equal(pair.read().image, image.data[2, 2])
    viewer.dims.set_current_step(0, 0)
    again = pair_of(viewer, image, viewer.layers["movie nuclei"])
    assert again.has_same_image(pair)
