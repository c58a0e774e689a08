"""The Segment widget in a real viewer, with the real pipeline and a model without a network."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.notifications import Notification, notification_manager
from numpy.testing import assert_allclose, assert_array_equal

from napari_nuclei.errors import ModelError
from napari_nuclei.ui import segment_run, segment_task, segment_widget
from napari_nuclei.ui.planes import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.viewer import Viewer
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from conftest import FakeModel, LazyArray
    from napari_nuclei.ui.segment_widget import SegmentWidget

Press = "Callable[[SegmentWidget], None]"
Wait = "Callable[[], None]"
LARGE = np.zeros((700, 700), np.float32)
LARGE[::50] = 1.0  # 49 tiles, four batches


@pytest.fixture
def notifications(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Notification]]:
    """Collect what napari would show in its lower right corner."""
    seen: list[Notification] = []
    # Otherwise napari raises errors again while tests run.
    monkeypatch.setattr(notification_manager, "exit_on_error", False)
    notification_manager.notification_ready.connect(seen.append)
    yield seen
    notification_manager.notification_ready.disconnect(seen.append)


def labels_of(viewer: Viewer) -> list[Labels]:
    return [layer for layer in viewer.layers if isinstance(layer, Labels)]


def test_model_is_loaded_when_the_widget_opens_and_its_faults_are_told_at_run(
    viewer: Viewer,
    two_squares: NDArray[np.float32],
    notifications: list[Notification],
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    loaders: list[threading.Thread] = []

    def damaged(name: str | None) -> None:
        loaders.append(threading.current_thread())
        raise ModelError("The model is damaged.")

    monkeypatch.setattr(segment_run, "load_model", damaged)
    viewer.add_image(two_squares)
    widget = segment_widget.SegmentWidget(viewer)
    qtbot.addWidget(widget)

    with qtbot.waitSignal(widget.warming.ended, timeout=20_000):
        widget.show()

    assert len(loaders) == 1
    assert loaders[0] is not threading.main_thread()
    assert not notifications
    assert widget.panel.button.isEnabled()


def test_run_is_disabled_with_the_reason(viewer: Viewer, widget: SegmentWidget) -> None:
    assert not widget.panel.button.isEnabled()
    assert widget.panel.status.text().startswith("Open an image first")
    stack = viewer.add_image(np.zeros((3, 40, 50)), name="stack")
    assert widget.panel.button.isEnabled()
    assert widget.panel.status.text() == (
        "The plane shown is segmented (plane 2 of 3 along axis 0): 50 x 40 px"
    )
    viewer.dims.set_current_step(0, 2)
    assert "plane 3 of 3 along" in widget.panel.status.text()
    viewer.dims.ndisplay = 3
    assert not widget.panel.button.isEnabled()
    assert widget.panel.status.text().startswith("3D is not supported")
    viewer.layers.remove(stack)
    assert widget.panel.status.text().startswith("Open an image first")


def test_result_is_a_new_layer_with_table_and_recipe(
    viewer: Viewer, widget: SegmentWidget, two_squares: NDArray[np.float32], run: Press
) -> None:
    image = viewer.add_image(two_squares, name="cells", scale=(0.5, 0.25), units=("um", "um"))
    run(widget)
    (layer,) = labels_of(viewer)
    assert layer.name == "cells nuclei"
    assert layer.data.dtype == np.int32
    assert_array_equal(np.unique(layer.data), [0, 1, 2])
    assert_allclose(layer.scale, image.scale)
    assert layer.units == image.units
    assert list(layer.features["index"]) == [1, 2]
    recipe = layer.metadata["napari_nuclei"]
    assert recipe["model"] == {"name": "fake", "sha256": "0" * 64}
    assert (recipe["image"], recipe["plane"]) == ("cells", "")
    assert widget.panel.status.text().startswith("2 nuclei of about 12 px (4.")
    assert widget.panel.button.text() == "Run"


def test_what_was_found_stays_to_be_read_while_other_layers_come_and_go(
    viewer: Viewer, widget: SegmentWidget, two_squares: NDArray[np.float32], run: Press
) -> None:
    viewer.add_image(two_squares, name="cells")
    run(widget)
    found = widget.panel.status.text()
    widget.results.probability.setChecked(True)
    viewer.layers.remove(viewer.add_points())
    other = viewer.add_image(two_squares, name="others")
    assert widget.panel.status.text() == found
    widget.controls.image.choose(other)
    assert widget.panel.status.text() == "50 x 40 px"


def test_every_run_makes_another_layer(
    viewer: Viewer, widget: SegmentWidget, two_squares: NDArray[np.float32], run: Press
) -> None:
    viewer.add_image(two_squares, name="cells")
    run(widget)
    run(widget)
    assert [layer.name for layer in labels_of(viewer)] == ["cells nuclei", "cells nuclei [1]"]
    # One over the other, nobody could tell them apart.
    assert [layer.visible for layer in labels_of(viewer)] == [False, True]


def test_nothing_found_is_an_empty_layer(viewer: Viewer, widget: SegmentWidget, run: Press) -> None:
    viewer.add_image(np.zeros((40, 50)), name="empty")
    run(widget)
    (layer,) = labels_of(viewer)
    assert not layer.data.any()
    assert len(layer.features) == 0
    assert widget.panel.status.text().startswith("0 nuclei in ")


def test_plane_of_a_stack_becomes_labels_of_that_plane(
    viewer: Viewer, widget: SegmentWidget, two_squares: NDArray[np.float32], run: Press
) -> None:
    stack = np.stack([np.zeros_like(two_squares), two_squares])
    viewer.add_image(stack, name="stack", axis_labels=("z", "y", "x"), translate=(0, 3, 4))
    viewer.dims.set_current_step(0, 1)
    run(widget)
    (layer,) = labels_of(viewer)
    assert layer.data.shape == (1, 40, 50)
    assert layer.axis_labels == ("z", "y", "x")
    assert_allclose(layer.translate, (1, 3, 4))
    assert layer.data.max() == 2
    assert layer.metadata["napari_nuclei"]["plane"] == "z 2 of 2"
    assert widget.panel.status.text().endswith("(z 2 of 2)")


def test_colour_and_multiscale_images(
    viewer: Viewer, widget: SegmentWidget, two_squares: NDArray[np.float32], run: Press
) -> None:
    colour = np.dstack([two_squares] * 3)
    viewer.add_image(colour, rgb=True, name="colour")
    run(widget)
    viewer.add_image([two_squares, two_squares[::2, ::2]], multiscale=True, name="pyramid")
    widget.controls.image.choose(viewer.layers["pyramid"])
    run(widget)
    for name in ("colour nuclei", "pyramid nuclei"):
        assert viewer.layers[name].data.shape == two_squares.shape
        assert viewer.layers[name].data.max() == 2


def test_options_reach_the_pipeline(
    viewer: Viewer, widget: SegmentWidget, two_squares: NDArray[np.float32], run: Press
) -> None:
    viewer.add_image(two_squares, name="cells")
    controls = widget.controls
    controls.diameter.setValue(10)
    controls.probability.setValue(0.7)
    controls.separation.setValue(0.45)
    controls.min_area.setValue(5)
    controls.semantic.setChecked(True)
    run(widget)
    (layer,) = labels_of(viewer)
    expected = {"diameter_px": 10, "probability": 0.7, "separation": 0.45, "min_area_px": 5}
    options = layer.metadata["napari_nuclei"]["options"]
    assert {name: options[name] for name in expected} == expected
    assert options["semantic"]
    assert_array_equal(np.unique(layer.data), [0, 1])
    assert widget.panel.status.text().startswith("One mask of all nuclei in ")


def test_lazy_planes_are_read_by_the_worker_alone(
    viewer: Viewer,
    widget: SegmentWidget,
    model: FakeModel,
    lazy_stack: LazyArray,
    start: Press,
    qtbot: QtBot,
) -> None:
    viewer.add_image(lazy_stack, name="lazy", contrast_limits=(0, 1))
    lazy_stack.readers.clear()  # napari has read what it shows
    widget.reset_choices()
    start(widget)
    (reader,) = lazy_stack.readers
    assert reader is not threading.main_thread()
    with qtbot.waitSignal(widget.job.ended, timeout=30_000):
        model.gate.set()
    assert labels_of(viewer)[0].data.max() == 2


def test_image_changed_in_mid_run(
    viewer: Viewer, widget: SegmentWidget, two_squares: NDArray[np.float32], qtbot: QtBot
) -> None:
    viewer.add_image(two_squares, name="cells")
    with qtbot.waitSignal(widget.job.ended, timeout=30_000):
        widget.panel.button.click()
        two_squares[:] = 0
    assert labels_of(viewer)[0].data.max() == 2


def test_cancel_ends_within_a_second_and_adds_nothing(
    viewer: Viewer, widget: SegmentWidget, model: FakeModel, start: Press, qtbot: QtBot
) -> None:
    viewer.add_image(LARGE, name="cells")
    start(widget)
    widget.panel.button.click()
    assert widget.panel.button.text() == "Cancelling…"
    with qtbot.waitSignal(widget.job.ended, timeout=1000):
        model.gate.set()
    assert model.batches == 1
    assert labels_of(viewer) == []
    assert widget.panel.status.text() == "Cancelled: no labels were added."
    assert widget.panel.button.isEnabled()


def test_progress_is_counted_in_tiles(
    viewer: Viewer, widget: SegmentWidget, model: FakeModel, start: Press, qtbot: QtBot
) -> None:
    viewer.add_image(LARGE, name="cells")
    widget.controls.diameter.setValue(20)  # before the first tile nothing has to be estimated
    start(widget)
    qtbot.waitUntil(lambda: widget.panel.status.text() == "0 of 49 tiles", timeout=30_000)
    assert widget.panel.bar.maximum() == 49
    with qtbot.waitSignal(widget.job.ended, timeout=30_000):
        model.gate.set()
    assert widget.panel.bar.value() == 49


def test_image_removed_in_mid_run(
    viewer: Viewer, widget: SegmentWidget, model: FakeModel, start: Press, qtbot: QtBot
) -> None:
    image = viewer.add_image(LARGE, name="cells")
    start(widget)
    viewer.layers.remove(image)
    viewer.add_image(LARGE, name="cells")  # another one of the same name
    with qtbot.waitSignal(widget.job.ended, timeout=30_000):
        model.gate.set()
    assert labels_of(viewer) == []
    assert widget.panel.status.text().startswith("The image was removed during the run")
    assert model.batches == 1  # the one under way


def test_image_renamed_and_another_chosen_in_mid_run(
    viewer: Viewer, widget: SegmentWidget, model: FakeModel, start: Press, qtbot: QtBot
) -> None:
    image = viewer.add_image(LARGE, name="cells")
    start(widget)
    image.name = "renamed"
    widget.controls.image.choose(viewer.add_image(np.zeros((9, 9)), name="other"))
    with qtbot.waitSignal(widget.job.ended, timeout=30_000):
        model.gate.set()
    (layer,) = labels_of(viewer)
    assert layer.data.shape == LARGE.shape
    assert layer.name == "cells nuclei"


@pytest.mark.parametrize("how", ["viewer", "dock"])
def test_closed_in_mid_run(
    how: str,
    viewer: Viewer,
    widget: SegmentWidget,
    model: FakeModel,
    start: Press,
    wait_for_jobs: Wait,
) -> None:
    viewer.add_image(LARGE, name="cells")
    start(widget)
    if how == "viewer":
        viewer.close()
    else:
        viewer.window.remove_dock_widget(widget)
    model.gate.set()
    wait_for_jobs()
    assert model.batches < 4
    assert labels_of(viewer) == []


def test_removed_widget_no_longer_follows_the_viewer(
    viewer: Viewer,
    widget: SegmentWidget,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
) -> None:
    viewer.window.remove_dock_widget(widget)
    with qtbot.waitSignal(widget.destroyed, timeout=30_000):
        widget.deleteLater()
    followed: list[object] = []
    monkeypatch.setattr(segment_task, "refusal", lambda *args: followed.append(args) or "")
    viewer.add_image(np.zeros((3, 9, 9)))
    viewer.dims.set_current_step(0, 2)
    viewer.scene.camera.zoom *= 2
    assert followed == []
    assert notifications == []


def test_foreseen_errors_are_one_sentence(
    viewer: Viewer,
    widget: SegmentWidget,
    run: Press,
    monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
) -> None:
    def refuse(name: str | None) -> None:
        raise ModelError("The model is damaged: import it again.")

    monkeypatch.setattr(segment_run, "load_model", refuse)
    viewer.add_image(LARGE)
    run(widget)
    assert [note.message for note in notifications] == ["The model is damaged: import it again."]
    assert widget.panel.status.text() == "The model is damaged: import it again."
    assert widget.panel.button.isEnabled()


def test_bad_image_is_refused_in_one_sentence(
    viewer: Viewer, widget: SegmentWidget, run: Press, notifications: list[Notification]
) -> None:
    viewer.add_image(np.full((40, 50), np.nan), contrast_limits=(0, 1))
    run(widget)
    (note,) = notifications
    assert "NaN" in note.message
    assert labels_of(viewer) == []


def test_other_errors_are_reported_with_their_traceback(
    viewer: Viewer,
    widget: SegmentWidget,
    model: FakeModel,
    run: Press,
    notifications: list[Notification],
) -> None:
    model.error = RuntimeError("out of memory")
    viewer.add_image(LARGE)
    run(widget)
    (note,) = notifications
    assert note.exception is model.error
    reason = "The run failed: unexpected RuntimeError: out of memory"
    assert widget.panel.status.text() == reason
    assert widget.panel.button.isEnabled()


def test_a_lazy_image_that_cannot_be_read_is_reported_with_the_reason(
    viewer: Viewer, widget: SegmentWidget, run: Press, notifications: list[Notification]
) -> None:
    def refuse(block: Any) -> Any:
        raise ValueError("chunk 3\nis damaged")

    shown = da.zeros((40, 50))
    damaged = shown.map_blocks(refuse, dtype=float, meta=np.zeros((0, 0)))
    viewer.add_image(da.stack([shown, damaged]), contrast_limits=(0, 1))
    widget.axes.scope.setCurrentIndex(widget.axes.scope.findData(Scope.ALL))
    run(widget)
    (note,) = notifications
    assert isinstance(note.exception, ValueError)
    reason = "The run failed: unexpected ValueError: chunk 3 is damaged"
    assert widget.panel.status.text() == reason
    assert labels_of(viewer) == []


def test_importing_the_widget_loads_neither_network_library_nor_what_is_slow() -> None:
    code = "import sys, napari_nuclei.ui.segment_widget; print(*sys.modules)"
    result: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    networks = {"tensorflow", "keras", "jax", "torch", "onnx", "onnxruntime"}
    slow = {"dask.array", "scipy.optimize", "skimage.segmentation._watershed", "zarr"}
    assert (networks | slow).isdisjoint(result.stdout.decode().split())
