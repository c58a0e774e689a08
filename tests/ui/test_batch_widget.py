"""The Batch widget in a real viewer, with real files and a model without a network."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal

from napari_nuclei.pipeline import batch_plan
from napari_nuclei.pipeline.batch import batch_steps
from napari_nuclei.pipeline.batch_plan import plan_batch
from napari_nuclei.pipeline.results import Extras
from napari_nuclei.pipeline.segment import SegmentOptions
from napari_nuclei.pipeline.steps import result_of
from napari_nuclei.ui import batch_widget

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from conftest import FakeModel
    from napari_nuclei.ui.batch_widget import BatchWidget

Press = "Callable[[BatchWidget], None]"
Wait = "Callable[[], None]"
TIMEOUT_MS = 30_000


@pytest.fixture
def folder(tmp_path: Path, two_squares: NDArray[np.float32]) -> Path:
    """Return a folder of two good images with a bad one between them."""
    path = tmp_path / "images"
    path.mkdir()
    np.save(path / "a.npy", two_squares)
    (path / "b.png").write_text("no picture")
    tifffile.imwrite(path / "c.tif", two_squares[:, :20])
    return path


@pytest.fixture
def batch(viewer: Viewer, model: FakeModel) -> BatchWidget:
    """Return the widget, opened as the Plugins menu opens it."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-nuclei", "Batch")
    return widget


@pytest.fixture
def ready(batch: BatchWidget, folder: Path, tmp_path: Path, qtbot: QtBot) -> BatchWidget:
    """Return the widget with folders, and the images found."""
    batch.controls.images.set_path(folder)
    batch.controls.results.set_path(tmp_path / "out")
    qtbot.waitUntil(batch.panel.button.isEnabled, timeout=TIMEOUT_MS)
    return batch


def states(batch: BatchWidget) -> list[str]:
    return [batch.files.state(row) for row in range(batch.files.rowCount())]


def press(batch: BatchWidget, qtbot: QtBot) -> None:
    with qtbot.waitSignal(batch.job.ended, timeout=TIMEOUT_MS):
        batch.panel.button.click()


def test_run_is_disabled_with_the_reason(
    batch: BatchWidget, folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    status = batch.panel.status
    assert not batch.panel.button.isEnabled()
    assert status.text().startswith("Choose the folder of the images")
    batch.controls.images.set_path(folder)
    batch.controls.results.set_path(folder)
    qtbot.waitUntil(lambda: "The results cannot go to" in status.text(), timeout=TIMEOUT_MS)
    assert not batch.panel.button.isEnabled()
    batch.controls.images.set_path(tmp_path / "nowhere")
    qtbot.waitUntil(lambda: "nowhere does not exist" in status.text(), timeout=TIMEOUT_MS)
    batch.controls.images.set_path(folder / "a.npy")
    qtbot.waitUntil(lambda: "a.npy is a file: choose the" in status.text(), timeout=TIMEOUT_MS)
    assert not batch.panel.button.isEnabled()
    batch.controls.images.set_path(folder)
    batch.controls.results.set_path(tmp_path / "out")
    qtbot.waitUntil(batch.panel.button.isEnabled, timeout=TIMEOUT_MS)
    assert status.text() == "3 images to segment"
    assert states(batch) == ["waiting"] * 3


def test_what_is_found_in_a_folder_that_was_cleared_meanwhile_is_dropped(
    batch: BatchWidget,
    folder: Path,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    wait_for_jobs: Wait,
) -> None:
    gate, waiting = threading.Event(), threading.Event()

    def slow(*args: Path) -> object:
        waiting.set()
        assert gate.wait(TIMEOUT_MS / 1000)
        return batch_plan.plan_folder(*args)

    monkeypatch.setattr(batch_widget, "plan_folder", slow)
    batch.controls.images.set_path(folder)
    batch.controls.results.set_path(tmp_path / "out")
    qtbot.waitUntil(waiting.is_set, timeout=TIMEOUT_MS)
    batch.controls.images.line.clear()
    gate.set()
    wait_for_jobs()
    assert not batch.panel.button.isEnabled()
    assert batch.panel.status.text().startswith("Choose the folder of the images")


def test_files_are_segmented_and_a_bad_one_is_reported(
    ready: BatchWidget, tmp_path: Path, qtbot: QtBot
) -> None:
    ready.controls.overlay.setChecked(True)
    press(ready, qtbot)
    first, second, third = states(ready)
    assert (first, third) == ("2 nuclei", "1 nucleus")
    assert second.startswith("failed: cannot be read (it is not")
    assert ready.panel.status.text().startswith("2 images segmented in ")
    assert ready.panel.status.text().endswith("1 failed. The counts are in summary.csv.")
    written = {path.name for path in (tmp_path / "out").iterdir()}
    endings = ("labels.tif", "nuclei.csv", "overlay.png")
    assert written == {"summary.csv"} | {f"{stem}_{end}" for stem in "ac" for end in endings}


def test_a_second_run_says_what_was_done_before(
    ready: BatchWidget, model: FakeModel, qtbot: QtBot
) -> None:
    press(ready, qtbot)
    batches = model.batches
    press(ready, qtbot)
    assert states(ready)[::2] == ["2 nuclei, done before", "1 nucleus, done before"]
    assert ", 2 done before, 1 failed. " in ready.panel.status.text()
    assert model.batches == batches
    ready.controls.probability.setValue(0.8)
    press(ready, qtbot)
    assert states(ready)[0] == "1 nucleus"
    assert model.batches > batches


def test_run_takes_the_files_that_are_there_now(
    ready: BatchWidget, folder: Path, two_squares: NDArray[np.float32], qtbot: QtBot
) -> None:
    (folder / "b.png").unlink()
    np.save(folder / "d.npy", two_squares)
    press(ready, qtbot)
    assert states(ready) == ["2 nuclei", "1 nucleus", "2 nuclei"]
    assert ready.files.item(2, 0).text() == "d.npy"


def test_cancel_leaves_no_half_file_and_run_goes_on(
    ready: BatchWidget, model: FakeModel, tmp_path: Path, qtbot: QtBot
) -> None:
    model.gate.clear()
    ready.panel.button.click()
    qtbot.waitUntil(model.waiting.is_set, timeout=TIMEOUT_MS)
    qtbot.waitUntil(lambda: states(ready)[0].startswith("running"), timeout=TIMEOUT_MS)
    assert not ready.controls.images.isEnabled()
    ready.panel.button.click()
    with qtbot.waitSignal(ready.job.ended, timeout=TIMEOUT_MS):
        model.gate.set()
    assert states(ready) == ["waiting"] * 3
    assert ready.panel.status.text() == "Cancelled after 0 images: Run goes on from there."
    assert not (tmp_path / "out").exists()
    press(ready, qtbot)
    assert states(ready)[0] == "2 nuclei"
    assert ready.controls.images.isEnabled()


def test_closed_in_mid_run(
    ready: BatchWidget, viewer: Viewer, model: FakeModel, start: str, wait_for_jobs: Wait
) -> None:
    start(ready)
    viewer.window.remove_dock_widget(ready)
    model.gate.set()
    wait_for_jobs()
    assert not ready.controls.results.path.exists()


def test_the_reason_of_an_unforeseen_failure_stands_in_the_widget(
    ready: BatchWidget, model: FakeModel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Exception] = []
    monkeypatch.setattr(batch_widget, "notify", told.append)
    model.error = RuntimeError("the card fell out")
    press(ready, qtbot)
    assert told == [model.error]
    reason = "The run failed: unexpected RuntimeError: the card fell out"
    assert ready.panel.status.text() == reason


def test_a_semantic_batch_has_no_counts(ready: BatchWidget, qtbot: QtBot) -> None:
    ready.controls.semantic.setChecked(True)
    assert not ready.controls.table.isEnabled()
    press(ready, qtbot)
    assert states(ready)[0] == "12.5% nucleus"


def test_micrometres_need_a_pixel_size(ready: BatchWidget) -> None:
    controls = ready.controls
    controls.pixel_um.setValue(0.5)
    controls.diameter.unit.setCurrentText("µm")
    controls.diameter.number.setValue(9)
    assert controls.options().diameter_px == 18
    assert controls.extras() == Extras(table=True, pixel_um=0.5)
    controls.pixel_um.setValue(0)
    assert controls.diameter.unit.currentText() == "px"
    assert controls.options().diameter_px == 18
    assert controls.extras().pixel_um is None


def test_the_widget_writes_what_python_writes(
    ready: BatchWidget, model: FakeModel, folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    ready.controls.maps.setChecked(True)
    press(ready, qtbot)
    plan = plan_batch([folder], tmp_path / "python")
    extras = Extras(probability=True, table=True)
    result_of(batch_steps(plan, model, SegmentOptions(), extras))
    for name in ("a_labels.tif", "a_probability.tif", "c_labels.tif"):
        ours, theirs = (tifffile.imread(tmp_path / out / name) for out in ("out", "python"))
        assert_array_equal(ours, theirs)
    for name in ("a_nuclei.csv", "summary.csv"):
        ours, theirs = ((tmp_path / out / name).read_text() for out in ("out", "python"))
        assert ours == theirs
