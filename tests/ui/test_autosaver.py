"""Corrections are saved behind the brush, and offered again after a crash."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QMessageBox

from napari_nuclei import paths
from napari_nuclei.pipeline.autosave import Session, Work, find_lost
from napari_nuclei.ui import autosaver
from napari_nuclei.ui.correction_tools import CorrectionTools
from napari_nuclei.ui.corrections import corrections_of

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from pytestqt.qtbot import QtBot

TIMEOUT_MS = 60_000
LABELS = np.ones((4, 5), np.int32)
CHILD = """
import sys
import napari, numpy as np
from qtpy.QtCore import QTimer
from napari_nuclei.ui.autosaver import autosaver
from napari_nuclei.ui.correction_tools import CorrectionTools

viewer = napari.Viewer(show=False)
labels = np.zeros((12, 14), np.int32)
labels[2:6, 2:6] = 1
labels[2:6, 8:12] = 2
layer = viewer.add_labels(
    labels,
    name="cells nuclei",
    scale=(0.5, 0.5),
    units=("um", "um"),
    features={"index": [1, 2], "mean_probability": [0.9, 0.8]},
    metadata={"napari_nuclei": {"rows": (0, 12)}, "another": object()},
)
tools = CorrectionTools(viewer)
viewer.window.add_dock_widget(tools)
tools.set_layer(layer)
tools.toolbox.corrector.accept(2)
layer.fill((3, 3), 7)
timer = QTimer(interval=50)
timer.timeout.connect(lambda: autosaver().idle and print("saved", flush=True))
timer.start()
napari.run(force=True)
"""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autosaver, "WAIT_MS", 10)


@pytest.fixture
def layer(viewer: Viewer) -> Labels:
    labels = np.zeros((12, 14), np.int32)
    labels[2:6, 2:6] = 1
    return viewer.add_labels(labels, name="cells nuclei")


@pytest.fixture
def tools(viewer: Viewer, layer: Labels) -> CorrectionTools:
    tools = CorrectionTools(viewer)
    viewer.window.add_dock_widget(tools)
    tools.set_layer(layer)
    return tools


@pytest.fixture
def saved(qtbot: QtBot) -> Callable[[], list[Path]]:
    """Return a function that waits until all is saved and returns the files."""

    def saved() -> list[Path]:
        qtbot.waitUntil(lambda: autosaver.autosaver().idle, timeout=TIMEOUT_MS)
        return sorted(paths.autosaves().glob("*/*.npz"))

    return saved


def lose(name: str, place: dict[str, object] | None = None) -> Work:
    """Leave work as a process that died."""
    session = Session(paths.autosaves())
    labels = np.full((12, 14), 3, np.int32)
    work = Work(name, labels, labels * 0, labels > 0, (), place or {})
    session.save("a", work)
    session._held.close()
    return work


@pytest.mark.usefixtures("tools")
def test_what_was_found_right_and_undone_is_not_kept(
    layer: Labels, saved: Callable[[], list[Path]]
) -> None:
    corrections_of(layer).accept(1)
    assert len(saved()) == 1
    layer.undo()
    assert saved() == []
    layer.redo()
    assert len(saved()) == 1


@pytest.mark.usefixtures("tools")
def test_a_stroke_is_saved_and_nothing_before_it(
    layer: Labels, saved: Callable[[], list[Path]]
) -> None:
    assert saved() == []
    layer.fill((3, 3), 7)
    (path,) = saved()
    layer.fill((3, 3), 8)
    assert saved() == [path]
    autosaver._autosaver[0]._session._held.close()
    work = find_lost(paths.autosaves())[0].read()
    np.testing.assert_array_equal(work.labels, layer.data)
    assert work.painted.sum() == 16


@pytest.mark.usefixtures("tools")
def test_an_accepted_nucleus_is_saved(layer: Labels, saved: Callable[[], list[Path]]) -> None:
    corrections_of(layer).accept(1)
    assert len(saved()) == 1


@pytest.mark.usefixtures("tools")
def test_nothing_is_left_when_the_program_ends_in_order(
    layer: Labels, saved: Callable[[], list[Path]]
) -> None:
    layer.fill((3, 3), 7)
    assert saved()
    autosaver.close()
    assert list(paths.autosaves().iterdir()) == []
    layer.fill((3, 3), 8)
    assert saved() == []


def test_what_was_saved_of_a_layer_goes_with_it(
    saved: Callable[[], list[Path]], qapp: object
) -> None:
    layer = Labels(np.ones((4, 5), np.int32))
    autosaver.autosaver().watch(layer)
    layer.fill((0, 0), 2)
    assert len(saved()) == 1
    del layer
    gc.collect()
    assert saved() == []


@pytest.mark.usefixtures("tools")
def test_a_folder_that_refuses_is_told_once_and_nothing_is_lost(
    layer: Labels,
    saved: Callable[[], list[Path]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    told: list[str] = []
    monkeypatch.setattr(autosaver, "show_warning", told.append)
    in_the_way = tmp_path / "home"
    in_the_way.write_text("no folder")
    for new in (7, 8, 9):
        layer.fill((3, 3), new)
        assert saved() == []
    assert len(told) == 1
    assert "in case of a crash" in told[0]
    assert corrections_of(layer).n_corrected == 1
    in_the_way.unlink()
    layer.fill((3, 3), 10)
    assert len(saved()) == 1


def test_what_is_saved_when_the_program_ends_makes_no_new_session(qapp: object) -> None:
    one = autosaver.autosaver()
    work = Work("cells", LABELS, LABELS, LABELS > 0, (), {})
    steps = one._save_steps("a", work)
    next(steps)
    autosaver.close()
    assert list(steps) == []
    assert not paths.autosaves().exists()


def test_the_window_and_the_worker_have_one_session(
    qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)

    def make_session(folder: Path) -> object:
        with suppress(threading.BrokenBarrierError):
            both.wait(0.2)
        return object()

    monkeypatch.setattr(autosaver, "Session", make_session)
    one = autosaver.Autosaver(None)
    with ThreadPoolExecutor(2) as pool:
        sessions = list(pool.map(lambda number: one._open(), range(2)))
    assert sessions[0] is sessions[1] is not None


def test_without_a_crash_nothing_is_offered(tools: CorrectionTools, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not tools.lost.finder.running, timeout=TIMEOUT_MS)
    assert tools.lost.isHidden()


def test_lost_work_comes_back_as_a_new_layer(
    viewer: Viewer, layer: Labels, qtbot: QtBot, saved: Callable[[], list[Path]]
) -> None:
    work = lose("cells nuclei", {"scale": [0.5, 0.25], "units": ["um", "um"]})
    before = layer.data.copy()
    tools = CorrectionTools(viewer)
    viewer.window.add_dock_widget(tools)
    qtbot.waitUntil(lambda: not tools.lost.isHidden(), timeout=TIMEOUT_MS)
    assert "cells nuclei" in tools.lost.text.text()
    with qtbot.waitSignal(tools.lost.restored, timeout=TIMEOUT_MS):
        tools.lost.restore.click()
    assert tools.lost.isHidden()
    restored = viewer.layers["cells nuclei (restored)"]
    np.testing.assert_array_equal(restored.data, work.labels)
    np.testing.assert_array_equal(layer.data, before)
    assert tuple(restored.scale) == (0.5, 0.25)
    assert corrections_of(restored).n_corrected == 1
    # It is kept by this process now, and not offered to another one.
    assert len(saved()) == 1
    assert find_lost(paths.autosaves()) == ()


def test_all_lost_work_comes_back_in_the_dock_that_napari_makes(
    viewer: Viewer, qtbot: QtBot, saved: Callable[[], list[Path]]
) -> None:
    for name in ("a", "b", "c"):
        lose(name)
    _, widget = viewer.window.add_plugin_dock_widget("napari-nuclei", "Correct and train")
    lost = widget.chooser.tools.lost
    qtbot.waitUntil(lambda: not lost.isHidden(), timeout=TIMEOUT_MS)
    lost.restore.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=TIMEOUT_MS)
    assert {layer.name for layer in viewer.layers} == {f"{name} (restored)" for name in "abc"}
    assert len(saved()) == 3


def test_lost_work_can_be_discarded_after_a_question(
    viewer: Viewer, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose("cells")
    tools = CorrectionTools(viewer)
    viewer.window.add_dock_widget(tools)
    qtbot.waitUntil(lambda: not tools.lost.isHidden(), timeout=TIMEOUT_MS)
    answers = [QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No]
    monkeypatch.setattr(QMessageBox, "question", lambda *args: answers.pop())
    tools.lost.discard.click()
    assert not tools.lost.isHidden()
    assert len(find_lost(paths.autosaves())) == 1
    tools.lost.discard.click()
    assert tools.lost.isHidden()
    assert len(viewer.layers) == 0
    assert list(paths.autosaves().iterdir()) == []


def test_a_damaged_file_is_told_and_the_others_come_back(
    viewer: Viewer, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose("first")
    next(paths.autosaves().glob("*/*.npz")).write_bytes(b"no file of ours")
    lose("second")
    tools = CorrectionTools(viewer)
    viewer.window.add_dock_widget(tools)
    qtbot.waitUntil(lambda: not tools.lost.isHidden(), timeout=TIMEOUT_MS)
    with notification_manager:
        count = len(notification_manager.records)
        with qtbot.waitSignal(tools.lost.restored, timeout=TIMEOUT_MS):
            tools.lost.restore.click()
        told = [str(record) for record in notification_manager.records[count:]]
    assert [layer.name for layer in viewer.layers] == ["second (restored)"]
    assert any("cannot be read" in message for message in told)


def test_what_a_killed_napari_had_not_saved_comes_back(viewer: Viewer, qtbot: QtBot) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "saved\n"
    child.kill()
    child.wait()
    child.stdout.close()
    tools = CorrectionTools(viewer)
    viewer.window.add_dock_widget(tools)
    qtbot.waitUntil(lambda: not tools.lost.isHidden(), timeout=TIMEOUT_MS)
    with qtbot.waitSignal(tools.lost.restored, timeout=TIMEOUT_MS) as restored:
        tools.lost.restore.click()
    (layer,) = restored.args
    assert (layer.data[2:6, 2:6] == 7).all()
    assert tuple(layer.scale) == (0.5, 0.5)
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    assert layer.features["mean_probability"].tolist() == [0.9, 0.8]
    assert layer.metadata == {"napari_nuclei": {"rows": [0, 12]}}
    corrections = corrections_of(layer)
    assert corrections.accepted == {2}
    assert corrections.n_corrected == 1
    assert corrections.checked()[2:6, 2:6].all()
