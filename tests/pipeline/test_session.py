"""When a session of a fine-tuning is over; what it does is in test_finetune."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.session import Session

ROW = {"epoch": 1, "loss": 1.0, "val_loss": 1.0, "mean_ap": 0.4, "ap50": 0.6}


def late_session(run: runs.Run, done: int) -> Session:
    """Return a session whose time is up, of a run that had so many epochs when it began."""
    fields: dict[str, Any] = {field.name: None for field in dataclasses.fields(Session)}
    known = {"run": run, "done": done, "deadline": 0.0, "is_stopped": lambda: False}
    return Session(**{**fields, **known})


def end_epoch(run: runs.Run) -> None:
    run.save_epoch({**ROW, "epoch": len(run.history.epochs) + 1}, {"t": np.zeros(1)}, {})


def test_a_session_that_is_late_adds_one_epoch_all_the_same(tmp_path: Path) -> None:
    run = runs.start(tmp_path / "run", {"name": "mine"})
    for done in (0, 1):
        session = late_session(run, done)
        assert not session._is_over()
        end_epoch(run)
        assert session._is_over()
        assert session.done == done


def test_a_session_that_is_stopped_waits_for_no_epoch(tmp_path: Path) -> None:
    run = runs.start(tmp_path / "run", {"name": "mine"})
    session = dataclasses.replace(late_session(run, 0), is_stopped=lambda: True)
    assert session._is_over()
