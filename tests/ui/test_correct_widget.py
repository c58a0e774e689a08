"""The Correct and train widget in a real viewer; the child is a real process without a network."""

from __future__ import annotations

import errno
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.settings import get_plugin_settings
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox

from napari_nuclei import paths
from napari_nuclei.core.differences import find_differences
from napari_nuclei.core.review import Rectangle
from napari_nuclei.model import store
from napari_nuclei.pipeline import process, runs
from napari_nuclei.pipeline.before_after import write_report
from napari_nuclei.pipeline.projects import Pair, Project
from napari_nuclei.pipeline.unfinished import list_unfinished
from napari_nuclei.ui import decision
from napari_nuclei.ui.corrections import corrections_of
from napari_nuclei.ui.preferences import read_preferences

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Image, Labels
    from napari.viewer import Viewer
    from pytestqt.qtbot import QtBot

    from napari_nuclei.ui.correct_widget import CorrectWidget

TIMEOUT_MS = 60_000


@pytest.fixture(autouse=True)
def _fake_worker(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    monkeypatch.setattr(process, "_WORKER", "fake_worker")
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv("FAKE_MODEL", str(tiny_model))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer every question with yes, and return what was asked."""
    asked: list[str] = []

    def answer(parent: object, title: str, question: str) -> object:
        asked.append(question)
        return QMessageBox.StandardButton.Yes

    monkeypatch.setattr(QMessageBox, "question", answer)
    return asked


@pytest.fixture
def layers(viewer: Viewer) -> tuple[Image, Labels]:
    """Return an image of three squares, and their labels."""
    labels = np.zeros((60, 90), np.int32)
    for nucleus, left in enumerate((5, 35, 65), start=1):
        labels[20:35, left : left + 15] = nucleus
    image = (labels > 0).astype(np.float32)
    return viewer.add_image(image, name="cells: a/b"), viewer.add_labels(labels, name="nuclei")


def open_widget(viewer: Viewer) -> CorrectWidget:
    """Open the widget as the Plugins menu opens it."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-nuclei", "Correct and train")
    return widget


@pytest.fixture
def widget(viewer: Viewer, layers: tuple[Image, Labels], qtbot: QtBot) -> CorrectWidget:
    widget = open_widget(viewer)
    qtbot.waitUntil(lambda: not widget.project.lister.running, timeout=TIMEOUT_MS)
    return widget


@pytest.fixture
def ready(widget: CorrectWidget, layers: tuple[Image, Labels], qtbot: QtBot) -> CorrectWidget:
    """Return the widget with a pair in which two nuclei are corrected and all are accepted."""
    widget.chooser.button.click()
    layers[1].data_setitem((np.array([36, 36]), np.array([10, 40])), np.array([1, 2]))
    corrections_of(layers[1]).mark_all_reviewed()
    qtbot.waitUntil(widget.panel.button.isEnabled, timeout=TIMEOUT_MS)
    return widget


@pytest.fixture
def train(qtbot: QtBot) -> Callable[[CorrectWidget], None]:
    """Return a function that presses Start and waits for the end."""

    def press(widget: CorrectWidget) -> None:
        with qtbot.waitSignal(widget.training.ended, timeout=TIMEOUT_MS):
            widget.panel.button.click()

    return press


@pytest.fixture
def train_an_epoch(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Callable[[CorrectWidget], None]:
    """Return a function that presses Start and comes back when an epoch is done."""

    def press(widget: CorrectWidget) -> None:
        monkeypatch.setenv("FAKE_WAITS", "")
        widget.panel.button.click()
        qtbot.waitUntil(lambda: bool(widget.course.curve.points), timeout=TIMEOUT_MS)
        monkeypatch.delenv("FAKE_WAITS")

    return press


def status(widget: CorrectWidget) -> str:
    return widget.panel.status.text()


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_without_layers_it_says_what_to_open(viewer: Viewer, qtbot: QtBot) -> None:
    widget = open_widget(viewer)
    assert not widget.chooser.button.isEnabled()
    assert widget.chooser.reason.text().startswith("Open an image and segment it first")
    assert not widget.panel.button.isEnabled()
    assert status(widget).startswith("Add a pair")
    assert widget.unfinished.isHidden()
    assert widget.decision.isHidden()


def test_start_waits_for_checked_nuclei_and_a_name(
    widget: CorrectWidget, layers: tuple[Image, Labels], qtbot: QtBot
) -> None:
    assert status(widget).startswith("Add a pair")
    widget.chooser.button.click()
    assert status(widget).startswith("Correct or accept two nuclei or more")
    row = widget.pairs.rows.item
    assert row(0).text() == "cells a b\n0 corrected, 0 accepted: not learnt from yet"
    corrections_of(layers[1]).mark_all_reviewed()
    qtbot.waitUntil(widget.panel.button.isEnabled, timeout=TIMEOUT_MS)
    assert row(0).text() == "cells a b\n0 corrected, 3 accepted"
    assert status(widget) == "1 image to learn from, 3 nuclei checked in open layers"
    widget.controls.name.setText("a/b")
    assert "The model name 'a/b' is not valid" in status(widget)
    assert not widget.panel.button.isEnabled()
    widget.controls.name.setText("mine")
    widget.controls.project.set_path("")
    assert status(widget).startswith("Choose a project folder")


def test_a_training_becomes_a_model_of_segment_and_batch(
    ready: CorrectWidget, viewer: Viewer, qtbot: QtBot, train: Callable[[CorrectWidget], None]
) -> None:
    _, segment = viewer.window.add_plugin_dock_widget("napari-nuclei", "Segment nuclei")
    _, batch = viewer.window.add_plugin_dock_widget("napari-nuclei", "Batch")
    ready.controls.name.setText("mine")
    ready.controls.notes.setText("liver")
    train(ready)
    assert status(ready) == "Better: mean AP 0.30 -> 0.40 on 2 held-out nuclei."
    assert ready.decision.verdict.text() == status(ready)
    assert ready.decision.keep.text() == "Keep"
    assert [point[0] for point in ready.course.curve.points] == [1, 2, 3]
    assert ready.course.preview.pixmap().width() == ready.course.preview.width()
    saved = Project(paths.default_project()).read("cells a b")
    assert (saved.n_checked, saved.checked.all()) == (3, True)

    with qtbot.waitSignal(ready.decision.decided, timeout=TIMEOUT_MS):
        ready.decision.keep.click()
    assert status(ready).startswith("mine is one of your models now")
    for controls in (segment.controls, batch.controls):
        assert controls.model.findText("mine") > 0
    assert ready.controls.base.findText("mine") > 0
    assert ready.models.table.item(0, 0).text() == "mine"
    assert ready.decision.isHidden()
    assert list(paths.training_runs().iterdir()) == []
    assert ready.controls.model_name == "mine-2"
    ready.controls.name.setText("Mine")
    assert status(ready) == "There is a model named Mine: choose another name."


def test_a_name_that_was_taken_meanwhile_loses_nothing(
    ready: CorrectWidget,
    qtbot: QtBot,
    train: Callable[[CorrectWidget], None],
    tiny_model: Path,
) -> None:
    ready.controls.name.setText("tiny")
    train(ready)
    store.import_model(tiny_model)
    errors: list[Exception] = []
    ready.decision.failed.connect(errors.append)
    with qtbot.waitSignal(ready.decision.keeper.ended, timeout=TIMEOUT_MS):
        ready.decision.keep.click()
    assert "there is a model named tiny already" in str(errors[0])
    assert ready.decision.keep.isEnabled()
    store.rename_model("tiny", "other")
    with qtbot.waitSignal(ready.decision.decided, timeout=TIMEOUT_MS):
        ready.decision.keep.click()
    assert [model.name for model in store.list_models()] == ["other", "tiny"]


def test_a_pair_in_which_nothing_was_checked_is_neither_counted_nor_saved(
    ready: CorrectWidget, viewer: Viewer, train: Callable[[CorrectWidget], None]
) -> None:
    ready.chooser.image.choose(viewer.add_image(np.ones((60, 90)), name="unchecked"))
    ready.chooser.labels.choose(viewer.add_labels(np.zeros((60, 90), np.int32)))
    ready.chooser.button.click()
    assert ready.pairs.rows.count() == 2
    assert status(ready) == "1 image to learn from, 3 nuclei checked in open layers"
    train(ready)
    assert Project(paths.default_project()).names == ("cells a b",)


def test_a_pair_of_which_only_background_was_checked_says_so(
    widget: CorrectWidget, layers: tuple[Image, Labels], qtbot: QtBot
) -> None:
    widget.chooser.button.click()
    corrections_of(layers[1]).review(Rectangle(0, 0, 10, 90))
    row = widget.pairs.rows.item
    qtbot.waitUntil(lambda: "only background" in row(0).text(), timeout=TIMEOUT_MS)


def test_parts_that_share_pixels_are_not_learnt_from_together(
    ready: CorrectWidget, viewer: Viewer, layers: tuple[Image, Labels], qtbot: QtBot
) -> None:
    part = viewer.add_labels(layers[1].data[:50, :60].copy(), name="part", translate=(0, 0))
    part.metadata["napari_nuclei"] = {"rows": (0, 50), "columns": (0, 60)}
    ready.chooser.labels.choose(part)
    ready.chooser.button.click()
    assert ready.panel.button.isEnabled()  # nothing of it is checked
    corrections_of(part).accept(1)
    qtbot.waitUntil(lambda: not ready.panel.button.isEnabled(), timeout=TIMEOUT_MS)
    assert status(ready).startswith("nuclei and part share pixels: some would be learnt from and")
    ready.pairs.rows.setCurrentRow(0)
    ready.pairs.remove.click()
    corrections_of(part).accept(2)
    qtbot.waitUntil(ready.panel.button.isEnabled, timeout=TIMEOUT_MS)


def test_pairs_of_one_name_are_told_apart_and_none_replaces_another(
    ready: CorrectWidget,
    viewer: Viewer,
    layers: tuple[Image, Labels],
    train: Callable[[CorrectWidget], None],
) -> None:
    other = viewer.add_image(1 - layers[0].data, name="cells a/b")
    labels = [viewer.add_labels(layers[1].data.copy(), name=name) for name in ("first", "second")]
    for image, chosen in ((other, labels[0]), (layers[0], labels[1])):
        ready.chooser.image.choose(image)
        ready.chooser.labels.choose(chosen)
        corrections_of(chosen).accept(1)
        ready.chooser.button.click()
    rows = [ready.pairs.rows.item(row).text().split("\n")[0] for row in range(3)]
    assert rows == ["cells a b (nuclei)", "cells a b 2", "cells a b (second)"]
    assert status(ready).startswith("2 images to learn from")
    train(ready)
    project = Project(paths.default_project())
    assert project.names == ("cells a b", "cells a b 2")
    np.testing.assert_array_equal(project.read("cells a b").image, layers[0].data)
    assert ready.pairs.rows.count() == 3


def test_a_pair_keeps_the_name_under_which_it_was_saved(
    ready: CorrectWidget,
    layers: tuple[Image, Labels],
    train: Callable[[CorrectWidget], None],
    qtbot: QtBot,
) -> None:
    other = Pair("cells a b", 1 - layers[0].data, layers[1].data)
    Project(paths.default_project()).save(other)
    train(ready)
    row = ready.pairs.rows.item
    qtbot.waitUntil(lambda: ready.pairs.rows.count() == 2, timeout=TIMEOUT_MS)
    assert row(0).text().startswith("cells a b 2\n")
    assert row(1).text() == "cells a b\nsaved in the project"


def test_a_saved_image_whose_layer_is_renamed_counts_once(
    ready: CorrectWidget,
    layers: tuple[Image, Labels],
    train: Callable[[CorrectWidget], None],
    qtbot: QtBot,
) -> None:
    train(ready)
    qtbot.waitUntil(lambda: ready.project.names == ("cells a b",), timeout=TIMEOUT_MS)
    layers[0].name = "liver"
    corrections_of(layers[1]).withdraw(1)
    ready._forget_outcome()
    assert status(ready).startswith("1 image to learn from")


def test_an_image_that_the_project_has_under_another_name_counts_once(
    widget: CorrectWidget, layers: tuple[Image, Labels], qtbot: QtBot
) -> None:
    saved = Pair("liver", layers[0].data, layers[1].data)
    Project(paths.default_project()).save(saved)
    widget.project.refresh()
    qtbot.waitUntil(lambda: widget.project.names == ("liver",), timeout=TIMEOUT_MS)
    corrections_of(layers[1]).mark_all_reviewed()
    with qtbot.waitSignal(widget.project.recognised, timeout=TIMEOUT_MS):
        widget.chooser.button.click()
    assert status(widget) == "1 image to learn from, 3 nuclei checked in open layers"
    assert widget.pairs.rows.count() == 1
    assert widget.pairs.rows.item(0).text().startswith("liver\n")


@pytest.mark.parametrize(("chosen", "cards"), [("auto", "0"), ("cpu", "-1")])
def test_the_training_runs_on_the_preferred_device(
    ready: CorrectWidget,
    train: Callable[[CorrectWidget], None],
    monkeypatch: pytest.MonkeyPatch,
    chosen: str,
    cards: str,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    get_plugin_settings("napari-nuclei").segmentation.device = chosen
    train(ready)
    (waiting,) = list_unfinished(paths.training_runs())
    assert waiting.run.request["cards"] == cards


def test_a_worse_model_is_not_offered_without_saying_so(
    ready: CorrectWidget,
    train: Callable[[CorrectWidget], None],
    answers: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_IS_WORSE", "")
    train(ready)
    assert ready.decision.verdict.text().startswith(
        "Worse than the base model: mean AP 0.30 -> 0.2"
    )
    assert ready.decision.keep.text() == "Keep anyway"
    ready.decision.discard.click()
    assert answers == []  # nothing is lost
    assert ready.decision.isHidden()
    assert list(paths.training_runs().iterdir()) == []
    assert store.list_models() == []


def test_a_better_model_is_discarded_after_a_question(
    ready: CorrectWidget, train: Callable[[CorrectWidget], None], answers: list[str]
) -> None:
    train(ready)
    ready.decision.discard.click()
    assert answers == ["Delete the training of my-model? The corrections stay in the project."]
    assert status(ready) == "The training of my-model was discarded."
    assert list(paths.training_runs().iterdir()) == []
    assert Project(paths.default_project()).names == ("cells a b",)


def test_a_training_at_work_in_another_window_is_neither_discarded_nor_kept(
    ready: CorrectWidget, qtbot: QtBot, train: Callable[[CorrectWidget], None], answers: list[str]
) -> None:
    train(ready)
    (waiting,) = list_unfinished(paths.training_runs())
    errors: list[Exception] = []
    ready.decision.failed.connect(errors.append)
    with runs.hold(waiting.run):
        ready.decision.discard.click()
        with qtbot.waitSignal(ready.decision.keeper.ended, timeout=TIMEOUT_MS):
            ready.decision.keep.click()
    assert len(errors) == 2
    assert all("another process is still at it" in str(error) for error in errors)
    assert store.list_models() == []
    assert list_unfinished(paths.training_runs()) == (waiting,)


def test_what_another_window_trained_further_is_not_kept_unseen(
    ready: CorrectWidget, qtbot: QtBot, train: Callable[[CorrectWidget], None]
) -> None:
    train(ready)
    (waiting,) = list_unfinished(paths.training_runs())
    write_report(replace(waiting.report, seconds=9.0), waiting.run.folder / "report.json")
    errors: list[Exception] = []
    ready.decision.failed.connect(errors.append)
    with qtbot.waitSignal(ready.decision.keeper.ended, timeout=TIMEOUT_MS):
        ready.decision.keep.click()
    assert str(errors[0]) == "my-model has learnt more since: look at its result again."
    assert store.list_models() == []
    ready.unfinished.result.click()
    with qtbot.waitSignal(ready.decision.decided, timeout=TIMEOUT_MS):
        ready.decision.keep.click()
    assert [model.name for model in store.list_models()] == ["my-model"]


def test_while_a_model_is_kept_its_training_stays_as_it_is(
    ready: CorrectWidget,
    qtbot: QtBot,
    train: Callable[[CorrectWidget], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train(ready)
    assert ready.unfinished.discard.isEnabled()
    go_on = threading.Event()
    import_model = store.import_model

    def wait_and_import(folder: Path) -> object:
        go_on.wait(TIMEOUT_MS / 1000)
        return import_model(folder)

    monkeypatch.setattr(store, "import_model", wait_and_import)
    with qtbot.waitSignal(ready.decision.decided, timeout=TIMEOUT_MS):
        ready.decision.keep.click()
        box = ready.unfinished
        assert not any(b.isEnabled() for b in (box.resume, box.result, box.discard))
        go_on.set()
    assert list(paths.training_runs().iterdir()) == []


def test_stop_makes_a_model_and_resume_goes_on(
    ready: CorrectWidget, qtbot: QtBot, train_an_epoch: Callable[[CorrectWidget], None]
) -> None:
    train_an_epoch(ready)
    assert ready.panel.button.text() == "Stop"
    assert not ready.unfinished.resume.isEnabled()
    with qtbot.waitSignal(ready.training.ended, timeout=TIMEOUT_MS):
        ready.panel.button.click()
    assert ready.decision.title.text() == "my-model"
    assert ready.unfinished.runs.currentText() == "my-model: not kept yet, 1 epoch"
    # Two trainings of one name could not both be kept.
    assert ready.controls.model_name == "my-model-2"
    ready.controls.name.setText("my-model")
    assert status(ready).startswith("A training of my-model waits below")
    with qtbot.waitSignal(ready.training.ended, timeout=TIMEOUT_MS):
        ready.unfinished.resume.click()
    assert [point[0] for point in ready.course.curve.points] == [1, 2, 3]
    assert status(ready).startswith("2 epochs were added to 1. Better: mean AP")
    assert not ready.unfinished.resume.isEnabled()  # there is nothing left to train
    assert ready.unfinished.result.isEnabled()


def test_stopped_before_the_first_epoch_nothing_stays(ready: CorrectWidget, qtbot: QtBot) -> None:
    ready.panel.button.click()
    with qtbot.waitSignal(ready.training.ended, timeout=TIMEOUT_MS):
        ready.panel.button.click()
    assert status(ready) == "Stopped before anything was learnt."
    assert list_unfinished(paths.training_runs()) == ()
    assert ready.panel.button.isEnabled()


def test_a_killed_child_is_one_sentence_and_can_be_resumed(
    ready: CorrectWidget, qtbot: QtBot, train_an_epoch: Callable[[CorrectWidget], None]
) -> None:
    train_an_epoch(ready)
    with qtbot.waitSignal(ready.training.ended, timeout=TIMEOUT_MS):
        os.kill(ready.training.pid, signal.SIGKILL)
    assert status(ready).startswith("The training ended unexpectedly (exit status -9)")
    assert ready.unfinished.runs.currentText() == "my-model: interrupted after 1 epoch"
    assert ready.decision.isHidden()
    with qtbot.waitSignal(ready.training.ended, timeout=TIMEOUT_MS):
        ready.unfinished.resume.click()
        ready.panel.button.click()
    assert status(ready) == (
        "Stopped before another epoch was done: what was learnt before is still there."
    )
    assert ready.unfinished.runs.currentText() == "my-model: interrupted after 1 epoch"
    with qtbot.waitSignal(ready.training.ended, timeout=TIMEOUT_MS):
        ready.unfinished.resume.click()
    assert status(ready).startswith("2 epochs were added to 1. Better")


def test_closed_in_mid_training_the_child_ends_and_is_offered_again(
    ready: CorrectWidget,
    viewer: Viewer,
    qtbot: QtBot,
    train_an_epoch: Callable[[CorrectWidget], None],
    answers: list[str],
) -> None:
    train_an_epoch(ready)
    pid = ready.training.pid
    viewer.window.remove_dock_widget(ready)
    assert not is_there(pid)
    (waiting,) = list_unfinished(paths.training_runs())
    assert (waiting.epochs, waiting.can_resume) == (1, True)
    again = open_widget(viewer)
    assert again.unfinished.resume.isEnabled()
    again.unfinished.discard.click()
    assert len(answers) == 1
    assert again.unfinished.isHidden()
    assert list(paths.training_runs().iterdir()) == []


def test_a_viewer_closed_in_mid_training_ends_the_child(
    ready: CorrectWidget,
    viewer: Viewer,
    qtbot: QtBot,
    train_an_epoch: Callable[[CorrectWidget], None],
) -> None:
    train_an_epoch(ready)
    pid = ready.training.pid
    viewer.close()
    qtbot.waitUntil(lambda: not is_there(pid), timeout=TIMEOUT_MS)
    (waiting,) = list_unfinished(paths.training_runs())
    assert waiting.epochs == 1


def test_changed_nuclei_are_shown_in_colour(
    ready: CorrectWidget,
    viewer: Viewer,
    layers: tuple[Image, Labels],
    qtbot: QtBot,
    train: Callable[[CorrectWidget], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train(ready)
    labels = layers[1].data

    def compare(image: np.ndarray, old: Path, new: Path, device: str) -> object:
        assert device == "auto"
        yield decision.Progress(0, 0)
        fewer = np.where(labels == 3, 0, labels)
        return decision.Compared(labels, fewer, find_differences(labels, fewer))

    monkeypatch.setattr(decision, "compare_steps", compare)
    layers[0].scale = (2, 2)
    ready.chooser.button.click()
    with qtbot.waitSignal(ready.decision.comparer.ended, timeout=TIMEOUT_MS):
        ready.decision.compare.click()
    before, after = (viewer.layers[f"cells a b {when}"] for when in ("before", "after"))
    assert before.scale.tolist() == [2, 2]
    assert not before.editable
    colours = before.colormap.color_dict
    np.testing.assert_array_equal(colours[3], [1, 0, 1, 1])
    assert set(after.colormap.color_dict) == {None, 0}
    chosen = ready.chooser.labels
    assert {chosen.itemText(place) for place in range(chosen.count())} == {"nuclei"}
    names = [layer.name for layer in viewer.layers]
    with qtbot.waitSignal(ready.decision.comparer.ended, timeout=TIMEOUT_MS):
        ready.decision.compare.click()
    assert [layer.name for layer in viewer.layers] == names


def test_pairs_of_the_project_are_trained_on_opened_and_removed(
    viewer: Viewer,
    qtbot: QtBot,
    train: Callable[[CorrectWidget], None],
    answers: list[str],
    tmp_path: Path,
) -> None:
    labels = np.array([[1, 1, 0, 2], [1, 1, 0, 2]], np.int32)
    Project(tmp_path / "set").save(Pair("liver", labels.astype(np.uint8), labels))
    widget = open_widget(viewer)
    widget.controls.project.set_path(tmp_path / "set")
    qtbot.waitUntil(widget.panel.button.isEnabled, timeout=TIMEOUT_MS)
    assert widget.pairs.rows.item(0).text() == "liver\nsaved in the project"
    assert status(widget) == "1 image to learn from, 0 nuclei checked in open layers"
    train(widget)
    assert status(widget).startswith("Better")

    with qtbot.waitSignal(widget.project.worker.ended, timeout=TIMEOUT_MS):
        widget.pairs.open.click()
    assert [layer.name for layer in viewer.layers] == ["liver", "liver labels"]
    np.testing.assert_array_equal(viewer.layers[1].data, labels)
    assert widget.pairs.rows.count() == 1  # the same image
    widget.pairs.remove.click()
    assert widget.pairs.rows.item(0).text() == "liver\nsaved in the project"

    with qtbot.waitSignal(widget.project.worker.ended, timeout=TIMEOUT_MS):
        widget.pairs.remove.click()
    assert answers == ["Delete liver and its corrections from the project? This cannot be undone."]
    qtbot.waitUntil(lambda: widget.pairs.rows.count() == 0, timeout=TIMEOUT_MS)
    assert Project(tmp_path / "set").names == ()


def test_what_was_checked_comes_back_with_a_pair_of_the_project(
    viewer: Viewer, layers: tuple[Image, Labels], qtbot: QtBot, tmp_path: Path
) -> None:
    labels = layers[1].data
    checked = np.indices(labels.shape)[1] < 55
    Project(tmp_path / "set").save(Pair("nuclei", layers[0].data, labels, checked))
    widget = open_widget(viewer)
    widget.controls.project.set_path(tmp_path / "set")
    qtbot.waitUntil(lambda: widget.pairs.rows.count() == 1, timeout=TIMEOUT_MS)
    with qtbot.waitSignal(widget.project.worker.ended, timeout=TIMEOUT_MS):
        widget.pairs.open.click()
    # The layer of the marks may have come after these already.
    image, opened = viewer.layers[2:4]
    assert widget.chooser.labels.layer is opened
    assert widget.chooser.image.layer is image
    # The layers have another name than the pair: there was one of that name.
    assert image.name != "nuclei"
    assert widget.pairs.rows.item(0).text() == "nuclei\n0 corrected, 2 accepted"
    assert widget.pairs.rows.count() == 1
    np.testing.assert_array_equal(corrections_of(opened).checked(), checked)


def test_the_project_folder_is_remembered(
    widget: CorrectWidget, viewer: Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    widget.controls.project.set_path(tmp_path / "mine")
    qtbot.waitUntil(lambda: read_preferences().project_folder != "", timeout=TIMEOUT_MS)
    viewer.window.remove_dock_widget(widget)
    again = open_widget(viewer)
    assert again.controls.project.path == tmp_path / "mine"
    again.controls.project.set_path(paths.default_project())
    qtbot.waitUntil(lambda: read_preferences().project_folder == "", timeout=TIMEOUT_MS)


def test_a_project_folder_that_is_refused_is_not_remembered(
    widget: CorrectWidget, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("hello")
    widget.controls.project.set_path(tmp_path / "other")
    qtbot.waitUntil(lambda: widget.project.problem != "", timeout=TIMEOUT_MS)
    assert read_preferences().project_folder == ""


def test_a_pair_goes_with_its_layers(ready: CorrectWidget, viewer: Viewer) -> None:
    assert ready.pairs.rows.count() == 1
    viewer.layers.remove("nuclei")
    assert ready.pairs.rows.count() == 0
    assert status(ready).startswith("Add a pair")


def test_a_project_that_cannot_be_written_is_one_sentence_before_start(
    ready: CorrectWidget, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "file").write_text("")
    ready.controls.project.set_path(tmp_path / "file" / "project")
    qtbot.waitUntil(lambda: not ready.panel.button.isEnabled(), timeout=TIMEOUT_MS)
    assert status(ready) == (
        f"{tmp_path / 'file' / 'project'} cannot be made or written (Not a directory): "
        "choose another project folder."
    )


def test_a_disk_that_is_full_by_now_is_one_sentence(
    ready: CorrectWidget,
    train: Callable[[CorrectWidget], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fill_up(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fill_up)
    train(ready)
    assert "cells a b cannot be written (No space left on device)" in status(ready)
    assert ready.panel.button.isEnabled()


def test_a_folder_of_something_else_is_no_project(
    widget: CorrectWidget, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    widget.controls.project.set_path(tmp_path)
    qtbot.waitUntil(lambda: "something else than a project" in status(widget), timeout=TIMEOUT_MS)
    assert not widget.panel.button.isEnabled()


def test_the_curve_follows_the_theme(widget: CorrectWidget, viewer: Viewer) -> None:
    for theme in ("light", "dark"):
        viewer.theme = theme
        background = get_theme(theme).background.as_rgb_tuple()
        assert widget.course.curve.backgroundBrush().color().getRgb()[:3] == tuple(background)


def test_the_keys_of_the_tools_work_in_the_dock(
    viewer: Viewer, widget: CorrectWidget, layers: tuple[Image, Labels], qtbot: QtBot
) -> None:
    viewer.layers.selection.active = layers[1]
    viewer.reset_view()
    qtbot.keyClick(viewer.window._qt_window, Qt.Key.Key_W)
    assert corrections_of(layers[1]).n_accepted == 3
