"""What the Segment widget tells of its results, in a real viewer."""

from __future__ import annotations

import csv
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal
from qtpy.QtCore import QTimer
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QApplication, QFileDialog, QLineEdit, QMessageBox

from napari_nuclei import paths
from napari_nuclei.core.measure import measure
from napari_nuclei.model import store
from napari_nuclei.pipeline import resources
from napari_nuclei.ui.corrections import corrections_of
from napari_nuclei.ui.planes import Scope

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from conftest import FakeModel, LazyArray
    from napari_nuclei.ui.results_panel import ResultsPanel
    from napari_nuclei.ui.segment_widget import SegmentWidget

Press = "Callable[[SegmentWidget], None]"
Settle = "Callable[[], None]"


@pytest.fixture
def panel(widget: SegmentWidget) -> ResultsPanel:
    return widget.results


@pytest.fixture
def settle(panel: ResultsPanel, qtbot: QtBot) -> Settle:
    """Return a function that waits until all features are true."""
    return lambda: qtbot.waitUntil(lambda: panel.recount.idle, timeout=30_000)


@pytest.fixture
def nuclei(
    viewer: Viewer, widget: SegmentWidget, two_squares: NDArray[np.float32], run: Press
) -> Labels:
    """Return the labels of the two squares."""
    viewer.add_image(two_squares, name="cells", scale=(0.5, 0.5), units=("um", "um"))
    run(widget)
    return viewer.layers["cells nuclei"]


def test_without_a_result_there_is_nothing_to_press(panel: ResultsPanel) -> None:
    for button in (panel.table, panel.save, panel.python, panel.command):
        assert not button.isEnabled()
        assert button.toolTip()
    assert panel.count.text() == ""


def test_the_count_and_the_features_follow_the_brush(
    nuclei: Labels, panel: ResultsPanel, settle: Settle, two_squares: NDArray[np.float32]
) -> None:
    settle()
    assert panel.count.text() == "2 nuclei"
    assert nuclei.features["area_um2"].tolist() == [100 / 4, 150 / 4]
    np.testing.assert_allclose(nuclei.features["mean_intensity"], [1, 0.6])
    nuclei.data_setitem((np.array([0, 0]), np.array([0, 1])), 7)
    painted = nuclei.data.copy()
    settle()
    assert panel.count.text() == "3 nuclei"
    assert nuclei.features["index"].tolist() == [1, 2, 7]
    assert nuclei.features["area_um2"].tolist()[2] == 0.5
    assert nuclei.features["touches_border"].tolist() == [False, False, True]
    assert_array_equal(nuclei.data, painted)


def test_undo_is_followed_too(nuclei: Labels, panel: ResultsPanel, settle: Settle) -> None:
    nuclei.fill((6, 6), 0)
    settle()
    assert panel.count.text() == "1 nucleus"
    nuclei.undo()
    settle()
    assert panel.count.text() == "2 nuclei"
    assert len(nuclei.features) == 2


def test_new_thresholds_keep_the_columns(
    nuclei: Labels, widget: SegmentWidget, settle: Settle, qtbot: QtBot
) -> None:
    settle()
    columns = list(nuclei.features)
    with qtbot.waitSignal(widget.live.relabelled, timeout=30_000):
        widget.controls.probability.setValue(0.7)
    settle()
    assert list(nuclei.features) == columns
    assert widget.results.count.text() == "1 nucleus"


def test_columns_of_others_stay_with_their_nuclei(
    viewer: Viewer, nuclei: Labels, widget: SegmentWidget, settle: Settle, qtbot: QtBot
) -> None:
    settle()
    ours = list(nuclei.features)
    nuclei.features = nuclei.features.assign(kind=["round", "long"])
    nuclei.fill((6, 6), 0)
    nuclei.data_setitem((np.array([0]), np.array([0])), 7)
    settle()
    assert list(nuclei.features) == [*ours, "kind"]
    assert nuclei.features["index"].tolist() == [2, 7]
    assert nuclei.features["kind"].fillna("").tolist() == ["long", ""]
    nuclei.undo()
    nuclei.undo()
    settle()
    kept = nuclei.features.copy()
    with qtbot.waitSignal(widget.live.relabelled, timeout=30_000):
        widget.controls.probability.setValue(0.7)
    settle()
    assert nuclei.features.equals(kept)
    assert viewer.layers["cells nuclei [1]"].data.max() == 1


def test_a_column_alone_keeps_the_layer_as_it_is(
    viewer: Viewer, nuclei: Labels, widget: SegmentWidget, settle: Settle, qtbot: QtBot
) -> None:
    settle()
    nuclei.features = nuclei.features.assign(kind=["round", "long"])
    settle()
    with qtbot.waitSignal(widget.live.relabelled, timeout=30_000):
        widget.controls.probability.setValue(0.7)
    assert nuclei.features["kind"].tolist() == ["round", "long"]
    assert viewer.layers["cells nuclei [1]"].data.max() == 1


def test_what_is_painted_counts_before_anybody_asks(nuclei: Labels) -> None:
    nuclei.fill((6, 6), 9)
    assert corrections_of(nuclei).n_corrected == 1


def test_a_slider_that_moves_counts_nothing_again(
    viewer: Viewer, nuclei: Labels, panel: ResultsPanel, settle: Settle
) -> None:
    viewer.add_image(np.zeros((5, 40, 50)), scale=(1, 0.5, 0.5), units=("um",) * 3)
    settle()
    told = []
    corrections_of(nuclei).changed.connect(lambda: told.append("changed"))
    for plane in (1, 2, 3):
        viewer.dims.set_current_step(0, plane)
        assert panel.recount.idle
    assert told == []
    nuclei.fill((6, 6), 0)
    nuclei.undo()
    assert not panel.recount.idle
    assert told


def test_only_missing_or_wrong_columns_of_ours_are_measured_again(
    nuclei: Labels, panel: ResultsPanel, settle: Settle, qtbot: QtBot
) -> None:
    settle()
    right = nuclei.features.copy()
    with qtbot.assertNotEmitted(panel.recount.measured):
        nuclei.features = right.assign(kind=1)
        assert panel.recount.idle
    for wrong in (right.drop(columns="area_um2"), right.assign(y=0.0)):
        nuclei.features = wrong
        settle()
        assert nuclei.features[list(right)].equals(right)


def test_labels_of_another_shape_are_told_once(
    nuclei: Labels, panel: ResultsPanel, settle: Settle, qtbot: QtBot
) -> None:
    settle()
    panel.failed.disconnect()  # to napari, which raises it in tests
    errors: list[Exception] = []
    panel.failed.connect(errors.append)
    nuclei.data = np.ones((7, 9), np.int32)
    settle()
    nuclei.fill((3, 3), 5)
    nuclei.refresh()
    settle()
    assert [str(error).split(":")[0] for error in errors] == [
        "The labels of cells nuclei have another shape than what was segmented"
    ]


def test_after_a_stroke_only_the_painted_plane_is_read(
    viewer: Viewer, widget: SegmentWidget, lazy_stack: LazyArray, run: Press, settle: Settle
) -> None:
    viewer.add_image(lazy_stack, name="lazy", contrast_limits=(0, 1))
    select(widget, Scope.ALL)
    run(widget)
    settle()
    labels = viewer.layers["lazy nuclei"]
    before = labels.features.copy()
    lazy_stack.readers.clear()
    labels.data_setitem((np.array([2]), np.array([0]), np.array([0])), 9)
    settle()
    assert len([one for one in lazy_stack.readers if one is not threading.main_thread()]) == 1
    assert labels.features["index"].tolist() == [*before["index"], 9]
    assert labels.features.iloc[:-1].equals(before)
    expected = measure(labels.data, lazy_stack.array, lazy_stack.array, axes=["axis_0"])
    assert {name: column.tolist() for name, column in expected.items()} == {
        name: labels.features[name].tolist() for name in expected
    }


def test_the_count_is_that_of_the_selected_layer(
    viewer: Viewer, nuclei: Labels, widget: SegmentWidget, run: Press, settle: Settle
) -> None:
    viewer.add_image(np.zeros((9, 9)), name="empty")
    widget.controls.image.choose(viewer.layers["empty"])
    run(widget)
    settle()
    panel = widget.results
    assert panel.count.text() == "0 nuclei"
    viewer.layers.selection.active = nuclei
    assert panel.count.text() == "2 nuclei"
    nuclei.data_setitem((np.array([0]), np.array([0])), 3)
    settle()
    assert panel.count.text() == "3 nuclei"
    viewer.layers.remove(nuclei)
    assert panel.count.text() == "0 nuclei"
    viewer.layers.remove("empty nuclei")
    assert panel.count.text() == ""
    assert not panel.table.isEnabled()


def test_a_closed_dock_follows_nothing(
    viewer: Viewer, nuclei: Labels, widget: SegmentWidget, settle: Settle
) -> None:
    settle()
    before = nuclei.features.copy()
    viewer.window.remove_dock_widget(widget)
    nuclei.data_setitem((np.array([0]), np.array([0])), 3)
    assert widget.results.recount.idle
    assert nuclei.features.equals(before)


def test_the_table_is_that_of_napari(viewer: Viewer, nuclei: Labels, panel: ResultsPanel) -> None:
    viewer.layers.selection.active = viewer.layers["cells"]
    panel.table.click()
    assert viewer.layers.selection.active is nuclei
    assert any("Features table" in name for name in viewer.window.dock_widgets)


def answer(monkeypatch: pytest.MonkeyPatch, name: Path) -> None:
    """Let the next file dialog be one of Qt, answered with a name that was typed."""

    def type_name(dialog: QFileDialog) -> int:
        dialog.findChild(QLineEdit).setText(str(name))
        dialog.accept()
        return dialog.result()

    monkeypatch.setattr(QFileDialog, "exec", type_name)


def test_a_dot_in_the_name_of_a_csv_is_no_suffix(
    nuclei: Labels,
    panel: ResultsPanel,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "exp1.csv").write_text("of somebody else")
    answer(monkeypatch, tmp_path / "exp1.2.csv")
    with qtbot.waitSignal(panel.writer.ended, timeout=30_000):
        panel.save.click()
    assert (tmp_path / "exp1.csv").read_text() == "of somebody else"
    assert (tmp_path / "exp1.2.csv").exists()


def test_the_dialog_asks_before_a_csv_is_replaced(
    nuclei: Labels, panel: ResultsPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "table.csv").write_text("of somebody else")
    asked: list[str] = []

    def refuse() -> None:
        (box,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox)]
        asked.append(box.text())
        box.reject()

    QTimer.singleShot(0, refuse)
    answer(monkeypatch, tmp_path / "table")
    panel.save.click()
    assert "table.csv already exists" in asked[0]
    assert not panel.writer.running
    assert (tmp_path / "table.csv").read_text() == "of somebody else"


def test_the_csv_has_the_columns_of_the_command_line(
    nuclei: Labels,
    panel: ResultsPanel,
    two_squares: NDArray[np.float32],
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer(monkeypatch, tmp_path / "table")
    nuclei.fill((6, 6), 0)
    with qtbot.waitSignal(panel.writer.ended, timeout=30_000):
        panel.save.click()
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    expected = measure(nuclei.data, two_squares, two_squares, pixel_um=0.5)
    assert list(row) == list(expected)
    assert float(row["area_um2"]) == 37.5
    assert panel.note.text() == f"Saved {tmp_path / 'table.csv'}."


def test_a_csv_that_cannot_be_written_leaves_nothing(
    nuclei: Labels, panel: ResultsPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").mkdir()
    panel.failed.disconnect()  # to napari, which raises it in tests
    with qtbot.waitSignal(panel.failed, timeout=30_000):
        panel.save_csv(tmp_path / "table.csv")
    assert panel.note.text() == "The table was not saved."
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_probability_is_one_layer_that_is_replaced(
    viewer: Viewer,
    nuclei: Labels,
    widget: SegmentWidget,
    run: Press,
    two_squares: NDArray[np.float32],
) -> None:
    widget.results.probability.setChecked(True)
    first = viewer.layers["cells probability"]
    np.testing.assert_allclose(first.data, two_squares, atol=1e-6)
    np.testing.assert_allclose(first.scale, nuclei.scale)
    assert first.units == nuclei.units
    assert viewer.layers.index(first) < viewer.layers.index(nuclei)
    assert viewer.layers.selection.active is nuclei
    run(widget)
    assert first not in viewer.layers
    assert [layer.name for layer in viewer.layers if "probability" in layer.name] == [
        "cells probability"
    ]
    widget.results.probability.setChecked(False)
    assert "cells probability" not in viewer.layers


def test_other_thresholds_leave_the_probability_layer_as_it_looks(
    viewer: Viewer, nuclei: Labels, widget: SegmentWidget, qtbot: QtBot
) -> None:
    widget.results.probability.setChecked(True)
    shown = viewer.layers["cells probability"]
    shown.opacity = 0.3
    with qtbot.waitSignal(widget.live.relabelled, timeout=30_000):
        widget.controls.probability.setValue(0.7)
    assert viewer.layers["cells probability"] is shown
    viewer.layers.remove(nuclei)
    widget.results.probability.setChecked(False)
    assert shown not in viewer.layers


def test_without_its_maps_a_result_has_no_probability_and_says_so(
    viewer: Viewer,
    widget: SegmentWidget,
    panel: ResultsPanel,
    two_squares: NDArray[np.float32],
    run: Press,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resources, "MAX_KEPT_MAPS_BYTES", 0)
    viewer.add_image(np.stack([two_squares] * 2))
    select(widget, Scope.ALL)
    assert panel.probability.isEnabled()
    run(widget)
    assert not panel.probability.isEnabled()
    assert "too much memory" in panel.probability.toolTip()


def test_other_thresholds_leave_the_count_of_the_selected_layer(
    viewer: Viewer, nuclei: Labels, widget: SegmentWidget, run: Press, settle: Settle, qtbot: QtBot
) -> None:
    settle()
    run(widget)
    viewer.layers.selection.active = nuclei
    with qtbot.waitSignal(widget.live.relabelled, timeout=30_000):
        widget.controls.probability.setValue(0.7)
    settle()
    assert viewer.layers["cells nuclei [1]"].data.max() == 1
    assert widget.results.count.text() == "2 nuclei"


def test_pixels_without_a_file_are_explained(
    viewer: Viewer, nuclei: Labels, panel: ResultsPanel
) -> None:
    panel.python.click()
    text = QGuiApplication.clipboard().text()
    assert "image = viewer.layers['cells'].data\n" in text
    assert "It says where to put the pixels" in panel.note.text()


def copied(button: Any) -> str:
    button.click()
    return QGuiApplication.clipboard().text()


@pytest.fixture
def run_copied(panel: ResultsPanel, model: FakeModel, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs the copied Python in the viewer and gives its labels."""

    def run_in(viewer: Viewer) -> NDArray[np.int32]:
        monkeypatch.setattr(store, "load_model", lambda name: model)
        names: dict[str, Any] = {"viewer": viewer}
        exec(copied(panel.python), names)
        return names["labels"]

    return run_in


def select(widget: SegmentWidget, scope: Scope, link: str = "") -> None:
    widget.axes.scope.setCurrentIndex(widget.axes.scope.findData(scope))
    if link:
        widget.axes.links.setCurrentText(link)


def test_all_planes_are_measured_shown_and_copied(
    viewer: Viewer,
    widget: SegmentWidget,
    panel: ResultsPanel,
    two_squares: NDArray[np.float32],
    run: Press,
    settle: Settle,
    run_copied: Any,
) -> None:
    """Channels between the planes and the rest: the labels have an axis of length one."""
    channels = np.stack([np.zeros_like(two_squares), two_squares])
    image = viewer.add_image(
        np.stack([channels, channels * 0, channels]),
        name="stack",
        axis_labels=("z", "c", "y", "x"),
        scale=(2, 1, 0.5, 0.5),
        units=("um",) * 4,
    )
    widget.axes.channel.setValue(2)
    select(widget, Scope.ALL, "along z")
    panel.probability.setChecked(True)
    run(widget)
    settle()
    labels = viewer.layers["stack nuclei"]
    assert labels.data.shape == (3, 1, 40, 50)
    assert labels.features["z"].tolist() == [0, 0, 2, 2]
    assert labels.features["area_um2"].tolist() == [25, 37.5] * 2
    np.testing.assert_allclose(labels.features["mean_intensity_1"], [0, 0] * 2)
    np.testing.assert_allclose(labels.features["mean_intensity_2"], [1, 0.6] * 2)
    assert panel.count.text() == "4 nuclei"
    shown = viewer.layers["stack probability"]
    np.testing.assert_allclose(shown.data[:, 0], image.data[:, 1], atol=1e-6)
    np.testing.assert_allclose(
        shown.data_to_world((1, 0, 2, 3)), labels.data_to_world((1, 0, 2, 3))
    )
    labels.data_setitem((np.array([1]), np.array([0]), np.array([0]), np.array([0])), 9)
    settle()
    assert panel.count.text() == "5 nuclei"
    labels.undo()
    assert_array_equal(run_copied(viewer), labels.data[:, 0])
    assert " --planes=z --link=z " in copied(panel.command)
    assert panel.note.text().startswith("Copied: paste it into a terminal. It says where")


def test_the_inside_of_shapes_is_measured_and_copied(
    viewer: Viewer,
    widget: SegmentWidget,
    panel: ResultsPanel,
    two_squares: NDArray[np.float32],
    run: Press,
    settle: Settle,
    run_copied: Any,
) -> None:
    viewer.add_image(two_squares, name="cells")
    shapes = viewer.add_shapes([[[22, 20], [38, 20], [38, 34]]], shape_type="polygon")
    shapes.selected_data = {0}
    widget.controls.image.choose(viewer.layers["cells"])
    select(widget, Scope.SHAPES)
    run(widget)
    settle()
    labels = viewer.layers["cells nuclei"]
    assert panel.count.text() == "1 nucleus"
    assert 0 < labels.features["area_px"].item() < 150
    assert_array_equal(run_copied(viewer), labels.data)
    panel.command.click()
    assert panel.note.text().startswith("The inside of shapes cannot be copied as a command")


def test_a_layer_of_several_resolutions_is_copied_at_the_full_one(
    viewer: Viewer,
    widget: SegmentWidget,
    two_squares: NDArray[np.float32],
    run: Press,
    run_copied: Any,
) -> None:
    viewer.add_image([two_squares, two_squares[::2, ::2]], name="cells", multiscale=True)
    run(widget)
    assert_array_equal(run_copied(viewer), viewer.layers["cells nuclei"].data)


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_file_is_named_only_while_the_layer_has_its_pixels(
    is_changed: bool,
    viewer: Viewer,
    widget: SegmentWidget,
    two_squares: NDArray[np.float32],
    run: Press,
    tmp_path: Path,
) -> None:
    tifffile.imwrite(tmp_path / "cells.tif", two_squares)
    (image,) = viewer.open(tmp_path / "cells.tif", plugin="napari")
    if is_changed:
        image.data = 1 - image.data
    run(widget)
    path = widget.results.current.source.path
    assert path == (None if is_changed else tmp_path / "cells.tif")


@pytest.mark.slow
def test_the_copied_code_gives_the_identical_labels(
    viewer: Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    """The round trip with the real network: widget, Python and command, label for label."""
    sample = tifffile.imread(paths.bundled_samples() / "images" / "dsb2018.tif")
    file = tmp_path / "my cells.tif"
    tifffile.imwrite(file, sample[:200, :260])
    viewer.open(file, plugin="napari")
    _, widget = viewer.window.add_plugin_dock_widget("napari-nuclei", "Segment nuclei")
    widget.controls.probability.setValue(0.37)
    with qtbot.waitSignal(widget.job.ended, timeout=200_000):
        widget.panel.button.click()
    labels = viewer.layers["my cells nuclei"].data
    assert labels.max() > 3

    names: dict[str, Any] = {}
    exec(copied(widget.results.python), names)
    assert_array_equal(names["labels"], labels)

    run_command(widget, tmp_path)
    assert_array_equal(tifffile.imread(tmp_path / "results" / "my cells_labels.tif"), labels)


def run_command(widget: SegmentWidget, folder: Path) -> None:
    """Run the copied command in a process of its own."""
    text = copied(widget.results.command)
    (line,) = [line for line in text.splitlines() if not line.startswith("#")]
    program, *arguments = shlex.split(line)
    assert program == "napari-nuclei"
    command = [sys.executable, "-m", "napari_nuclei", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def stack_widget(viewer: Viewer, tmp_path: Path) -> SegmentWidget:
    """Return the widget with the real network and a file of three planes."""
    sample = tifffile.imread(paths.bundled_samples() / "images" / "dsb2018.tif")
    planes = [sample[top : top + 130, :140] for top in (0, 3, 6)]
    tifffile.imwrite(tmp_path / "stack.tif", np.stack(planes), photometric="minisblack")
    viewer.open(tmp_path / "stack.tif", plugin="napari")
    _, widget = viewer.window.add_plugin_dock_widget("napari-nuclei", "Segment nuclei")
    return widget


@pytest.mark.slow
@pytest.mark.parametrize("scope", [Scope.PLANE, Scope.VIEW])
def test_the_copied_command_takes_the_plane_and_its_part(
    scope: Scope, viewer: Viewer, stack_widget: SegmentWidget, qtbot: QtBot, tmp_path: Path
) -> None:
    widget = stack_widget
    viewer.dims.set_current_step(0, 1)
    viewer.scene.camera.center = (30, 30)
    select(widget, scope)
    with qtbot.waitSignal(widget.job.ended, timeout=200_000):
        widget.panel.button.click()
    (layer,) = (layer for layer in viewer.layers if layer.name.endswith("nuclei"))
    assert layer.ndim == 3
    (labels,) = layer.data
    assert labels.any()
    names: dict[str, Any] = {}
    exec(copied(widget.results.python), names)
    assert_array_equal(names["labels"], labels)
    assert (labels.shape == (130, 140)) == (scope is Scope.PLANE)
    run_command(widget, tmp_path)
    assert_array_equal(tifffile.imread(tmp_path / "results" / "stack_labels.tif"), labels)


@pytest.mark.slow
def test_the_copied_code_links_the_planes_of_a_file(
    viewer: Viewer, stack_widget: SegmentWidget, qtbot: QtBot, tmp_path: Path
) -> None:
    """The round trip of a stack with the real network: widget, Python, command."""
    widget = stack_widget
    image = viewer.layers["stack"]
    select(widget, Scope.ALL, widget.axes.links.itemText(1))
    with qtbot.waitSignal(widget.job.ended, timeout=200_000):
        widget.panel.button.click()
    labels = viewer.layers[f"{image.name} nuclei"]
    assert labels.features["planes"].max() == 3

    text = copied(widget.results.python)
    assert "image = tifffile.imread(" in text
    names: dict[str, Any] = {}
    exec(text, names)
    assert_array_equal(names["labels"], labels.data)

    run_command(widget, tmp_path)
    assert_array_equal(tifffile.imread(tmp_path / "results" / "stack_labels.tif"), labels.data)
