from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei import paths
from napari_nuclei.pipeline.finetune import Request
from napari_nuclei.pipeline.recipe import FinetuneOptions
from napari_nuclei.pipeline.runs import Run
from napari_nuclei.pipeline.unfinished import Unfinished
from napari_nuclei.ui.train_controls import TrainControls
from napari_nuclei.ui.train_request import new_request, resuming_request

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def test_a_new_training_has_a_run_folder_of_its_own(qtbot: QtBot, tmp_path: Path) -> None:
    controls = TrainControls()
    qtbot.addWidget(controls)
    controls.project.set_path(tmp_path / "corrections")
    controls.name.setText(" liver (H&E) ")
    controls.notes.setText(" scanner B ")
    controls.seconds.setValue(77)
    first, second = new_request(controls), new_request(controls)
    folder = Path(first.folder)
    assert first == Request(
        pairs=str(tmp_path / "corrections"),
        folder=str(folder),
        name="liver (H&E)",
        notes="scanner B",
        options=FinetuneOptions(max_seconds=77),
    )
    assert folder.parent == paths.training_runs()
    assert folder.name.endswith("-liver-H-E-")
    assert first.folder < second.folder  # the newest one sorts last


def test_a_resumed_training_goes_on_in_its_run_folder(tmp_path: Path) -> None:
    waiting = Unfinished(Run(tmp_path / "run", {"name": "liver"}), 2, None)
    options = FinetuneOptions(max_seconds=300)
    assert resuming_request(waiting, options) == Request(
        pairs="", folder=str(tmp_path / "run"), name="liver", options=options, resume=True
    )
