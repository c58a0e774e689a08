"""A viewer with the Segment widget, and a model without a network that waits where it is told."""

from __future__ import annotations

import gc
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari import settings
from numpy.typing import NDArray
from qtpy.QtCore import QCoreApplication, Qt

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.ui import autosaver, batch_widget, segment_run
from napari_nuclei.ui.correction_tools import CorrectionTools
from napari_nuclei.ui.jobs import THREAD_NAME

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer
    from pytestqt.qtbot import QtBot

    from napari_nuclei.ui.segment_widget import SegmentWidget

GATE_TIMEOUT_S = 30


@pytest.fixture(autouse=True, scope="module")
def few_objects_to_look_through() -> None:
    """Take what is alive out of the garbage collection: napari collects whenever a layer goes.

    After the tests of the network and of other widgets that was most of the time.
    """
    gc.collect()
    gc.freeze()


def end_of_jobs() -> None:
    """Wait until no job works any more and no thread is left; deliver what the last ones said."""
    threads = [one for one in threading.enumerate() if one.name == THREAD_NAME]
    for thread in threads:
        thread.join(GATE_TIMEOUT_S)
    frames = sys._current_frames()
    stuck = [traceback.format_stack(frames[t.ident]) for t in threads if t.is_alive()]
    assert not stuck, "".join(stuck[0])
    QCoreApplication.processEvents()


@dataclass
class FakeModel:
    """Stands for a model: a pixel is nucleus as surely as it is bright.

    Each batch waits for `gate`, open unless a test clears it, and sets `waiting` while it does.
    """

    name: str = "fake"
    sha256: str = "0" * 64
    folder: Path = Path("nowhere")
    thresholds: InstanceOptions = field(default_factory=InstanceOptions)
    diameters: DiameterRange = field(default_factory=lambda: DiameterRange(1, 1000))
    gate: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Event = field(default_factory=threading.Event)
    batches: int = 0
    error: Exception | None = None

    def predictor(self, batch_size: int, chosen: str = "auto") -> FakeModel:
        return self

    def predict(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        self.batches += 1
        self.waiting.set()
        assert self.gate.wait(GATE_TIMEOUT_S)
        if self.error is not None:
            raise self.error
        bright = tiles[..., 0]
        return np.stack([bright, np.zeros_like(bright), bright], axis=-1)


@dataclass
class LazyArray:
    """Stands for an array on a slow disk: `readers` holds the thread of each time it was read."""

    array: NDArray[np.float32]
    readers: list[threading.Thread] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return self.array.dtype

    def __getitem__(self, index: object) -> NDArray[np.float32]:
        self.readers.append(threading.current_thread())
        return self.array[index]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeModel]:
    """Return the model that every run of a widget loads."""
    fake = FakeModel()
    fake.gate.set()
    for module in (segment_run, batch_widget):
        monkeypatch.setattr(module, "load_model", lambda name: fake)
    yield fake
    fake.gate.set()
    end_of_jobs()


@pytest.fixture
def wait_for_jobs() -> Callable[[], None]:
    """Return a function that waits until no job works and no thread of one is left."""
    return end_of_jobs


@pytest.fixture(autouse=True)
def _own_autosave() -> Iterator[None]:
    """Let each test save its corrections in its own home."""
    yield
    autosaver.close()


@pytest.fixture(autouse=True)
def _own_preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let each test have preferences of its own, as napari's `plugin_settings` without plugins."""
    monkeypatch.setattr(settings, "_CFG_PATH", str(tmp_path / "napari" / "settings.yaml"))
    settings._clear_plugin_settings_cache()
    yield
    settings._clear_plugin_settings_cache()


@pytest.fixture
def viewer(make_napari_viewer: Callable[[], Viewer]) -> Viewer:
    return make_napari_viewer()


@pytest.fixture
def widget(viewer: Viewer, model: FakeModel) -> SegmentWidget:
    """Return the widget, opened as the Plugins menu opens it."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-nuclei", "Segment nuclei")
    return widget


@pytest.fixture
def two_squares() -> NDArray[np.float32]:
    """Return an image of a bright and a dimmer square, (40, 50) in [0, 1]."""
    image = np.zeros((40, 50), np.float32)
    image[5:15, 5:15] = 1.0
    image[25:35, 25:40] = 0.6
    return image


@pytest.fixture
def lazy_stack(two_squares: NDArray[np.float32]) -> LazyArray:
    """Return three planes of the squares, (3, 40, 50)."""
    return LazyArray(np.stack([two_squares] * 3))


@pytest.fixture
def run(qtbot: QtBot) -> Callable[[SegmentWidget], None]:
    """Return a function that presses Run and waits for the end."""

    def press(widget: SegmentWidget) -> None:
        with qtbot.waitSignal(widget.job.ended, timeout=GATE_TIMEOUT_S * 1000):
            widget.panel.button.click()

    return press


@pytest.fixture
def start(qtbot: QtBot, model: FakeModel) -> Callable[[SegmentWidget], None]:
    """Return a function that presses Run and comes back while the first batch is predicted."""

    def press(widget: SegmentWidget) -> None:
        model.gate.clear()
        widget.panel.button.click()
        qtbot.waitUntil(model.waiting.is_set, timeout=GATE_TIMEOUT_S * 1000)

    return press


@pytest.fixture
def open_tools(viewer: Viewer, qtbot: QtBot) -> Callable[[Labels], CorrectionTools]:
    """Return a function that docks the correction tools for a layer and waits for its queue."""

    def docked(layer: Labels) -> CorrectionTools:
        tools = CorrectionTools(viewer)
        viewer.window.add_dock_widget(tools)
        viewer.reset_view()
        with qtbot.waitSignal(tools.toolbox.queue.ranked, timeout=GATE_TIMEOUT_S * 1000):
            tools.set_layer(layer)
        return tools

    return docked


@pytest.fixture
def press(viewer: Viewer, qtbot: QtBot) -> Callable[[str], None]:
    """Return a function that presses a key, such as "A" or "Control-Z", on the main window."""

    def press(key: str) -> None:
        *modifiers, letter = key.split("-")
        held = Qt.KeyboardModifier.NoModifier
        for modifier in modifiers:
            held |= getattr(Qt.KeyboardModifier, f"{modifier}Modifier")
        code = getattr(Qt.Key, f"Key_{letter}")
        qtbot.keyClick(viewer.window._qt_window, code, held)

    return press
