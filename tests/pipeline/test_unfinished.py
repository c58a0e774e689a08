from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.before_after import BeforeAfter, Figures, Report, write_report
from napari_nuclei.pipeline.finetune import REQUEST_KEYS
from napari_nuclei.pipeline.unfinished import discard_vain, list_unfinished

SAME = BeforeAfter(Figures(0.3, 0.5, 2), Figures(0.3, 0.5, 2))


def start(folder: Path, epochs: int) -> runs.Run:
    run = runs.start(folder, {**dict.fromkeys(REQUEST_KEYS, "x"), "name": f"of {folder.name}"})
    for epoch in range(epochs):
        run.save_epoch({"epoch": epoch, "val_loss": 1.0}, {"t": np.zeros(1)}, {})
    return run


def report(run: runs.Run, ending: str) -> None:
    write_report(Report(SAME, SAME, 6, 1, 1.0, 1, 3, ending, 1.0), run.folder / "report.json")


def test_runs_that_can_be_resumed_or_have_a_model_come_newest_first(tmp_path):
    start(tmp_path / "1", 2)
    report(start(tmp_path / "2", 1), "stopped")
    report(start(tmp_path / "3", 1), "done")
    found = list_unfinished(tmp_path)
    assert [run.name for run in found] == ["of 3", "of 2", "of 1"]
    assert [run.can_resume for run in found] == [False, True, True]
    assert [run.epochs for run in found] == [1, 1, 2]
    assert [run.report is None for run in found] == [False, False, True]


def test_what_somebody_is_at_has_learnt_nothing_or_is_no_fine_tuning_is_left_out(tmp_path):
    start(tmp_path / "nothing learnt", 0)
    runs.start(tmp_path / "from scratch", dict.fromkeys(runs.TRAINING, "x"))
    (tmp_path / "a file").write_text("hello")
    (tmp_path / "a folder").mkdir()
    (start(tmp_path / "damaged", 1).folder / "history.json").write_text("{")
    busy = start(tmp_path / "busy", 1)
    with runs.hold(busy):
        assert list_unfinished(tmp_path) == ()
    assert [run.run.folder.name for run in list_unfinished(tmp_path)] == ["busy"]


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_without_a_folder_there_are_none(tmp_path, name):
    (tmp_path / "file").write_text("")
    assert list_unfinished(tmp_path / name) == ()


def test_only_a_run_that_learnt_nothing_is_vain(tmp_path):
    learnt, vain, busy = (start(tmp_path / n, e) for n, e in (("1", 1), ("2", 0), ("3", 0)))
    with runs.hold(busy):
        for folder in (learnt.folder, vain.folder, busy.folder, tmp_path / "nowhere"):
            discard_vain(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "3"]
