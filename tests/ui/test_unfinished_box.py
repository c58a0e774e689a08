"""The trainings that wait, from run folders on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_nuclei import paths
from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.before_after import BeforeAfter, Figures, Report, write_report
from napari_nuclei.pipeline.finetune import REQUEST_KEYS
from napari_nuclei.ui.unfinished_box import UnfinishedBox

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

SAME = BeforeAfter(Figures(0.3, 0.5, 2), Figures(0.3, 0.5, 2))


def start(folder: str, epochs: int, ending: str | None = None) -> Path:
    request = {**dict.fromkeys(REQUEST_KEYS, "x"), "name": f"model {folder}"}
    run = runs.start(paths.training_runs() / folder, request)
    for _ in range(epochs):
        run.save_epoch({"val_loss": 1.0}, {"t": np.zeros(1)}, {})
    if ending:
        report = Report(SAME, SAME, 6, 1, 1.0, epochs, 3, ending, 1.0)
        write_report(report, run.folder / "report.json")
    return run.folder


@pytest.fixture
def box(qtbot: QtBot) -> UnfinishedBox:
    box = UnfinishedBox()
    qtbot.addWidget(box)
    return box


def buttons(box: UnfinishedBox) -> tuple[bool, ...]:
    """Return whether Resume, Result and Discard can be pressed."""
    return tuple(button.isEnabled() for button in (box.resume, box.result, box.discard))


def test_nothing_waits(box: UnfinishedBox) -> None:
    box.refresh()
    assert box.isHidden()
    assert box.chosen is None
    assert buttons(box) == (False, False, False)


@pytest.mark.parametrize(
    ("epochs", "ending", "text", "can"),
    [
        (1, None, "interrupted after 1 epoch", (True, False, True)),
        (2, "stopped", "not kept yet, 2 epochs", (True, True, True)),
        (3, "done", "not kept yet, 3 epochs", (False, True, True)),
    ],
)
def test_the_buttons_do_what_is_left_to_do(
    epochs: int, ending: str | None, text: str, can: tuple[bool, ...], box: UnfinishedBox
) -> None:
    start("1", epochs, ending)
    box.refresh()
    assert not box.isHidden()
    assert box.runs.currentText() == f"model 1: {text}"
    assert buttons(box) == can
    for lock in (box.set_locked, box.set_busy):
        lock(True)
        assert buttons(box) == (False, False, False)
        lock(False)
        assert buttons(box) == can


def test_the_buttons_are_about_the_run_that_is_chosen(box: UnfinishedBox, qtbot: QtBot) -> None:
    older = start("1", 1)
    start("2", 1)
    box.refresh()
    assert box.names == ("model 2", "model 1")
    box.runs.setCurrentIndex(1)
    with qtbot.waitSignal(box.resume_clicked) as clicked:
        box.resume.click()
    assert clicked.args == [box.find(older)]
