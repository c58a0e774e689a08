"""The Run button, the bar and the line below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_nuclei.pipeline.segment import Progress
from napari_nuclei.ui import run_panel
from napari_nuclei.ui.run_panel import RunPanel

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def panel(qtbot: QtBot) -> RunPanel:
    panel = RunPanel()
    qtbot.addWidget(panel)
    panel.show_idle("512 x 512 px", can_run=True)
    return panel


def test_button_runs_then_cancels_once(panel: RunPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.run_clicked, timeout=1000):
        panel.button.click()
    panel.start("Loading the model…")
    assert panel.button.text() == "Cancel"
    assert (panel.bar.minimum(), panel.bar.maximum()) == (0, 0)
    with qtbot.waitSignal(panel.cancel_clicked, timeout=1000):
        panel.button.click()
    assert panel.button.text() == "Cancelling…"
    assert not panel.button.isEnabled()


def test_reason_is_shown_while_run_is_disabled(panel: RunPanel) -> None:
    panel.show_idle("Open an image first", can_run=False)
    assert panel.status.text() == "Open an image first"
    assert not panel.button.isEnabled()


def test_time_left_counts_from_the_first_tile(
    panel: RunPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    monkeypatch.setattr(run_panel, "monotonic", lambda: now_s)
    panel.start("Loading the model…")
    now_s = 110.0  # the model took ten seconds, which the tiles will not
    panel.show_progress(Progress(0, 8), "tiles")
    assert panel.status.text() == "0 of 8 tiles"
    now_s = 112.0
    panel.show_progress(Progress(2, 8), "tiles")
    assert panel.status.text() == "2 of 8 tiles, 6 s left"
    assert (panel.bar.value(), panel.bar.maximum()) == (2, 8)
    assert panel.elapsed_s == 12
    panel.show_progress(Progress(3, 3000), "tiles")
    assert panel.status.text() == "3 of 3000 tiles, about 33 min left"
    # Each took half a second: the rest was something else.
    panel.show_progress(Progress(4, 8), "tiles", 0.5)
    assert panel.status.text() == "4 of 8 tiles, 2 s left"


def test_unknown_total_and_late_progress_change_nothing(panel: RunPanel) -> None:
    panel.start("Loading the model…")
    panel.show_progress(Progress(0, 0), "tiles")
    assert panel.status.text() == "Loading the model…"
    panel.button.click()
    panel.show_progress(Progress(1, 8), "tiles")
    assert panel.bar.maximum() == 0
