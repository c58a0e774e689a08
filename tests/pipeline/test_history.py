from __future__ import annotations

from dataclasses import asdict

import pytest

from napari_nuclei.pipeline.history import Checkpoint, History, history_from_json

NEWEST, BEST = Checkpoint(3, "epoch-3", "ab", 0.5), Checkpoint(2, "best-2", "cd", 0.25)


def test_a_history_comes_back_from_json() -> None:
    history = History(({"loss": 1.0}, {"loss": 0.5}, {"loss": 0.4}), (NEWEST,), BEST)
    assert history_from_json(asdict(history)) == history
    assert history_from_json(asdict(History())) == History()


def test_a_checkpoint_without_its_loss_has_that_of_its_epoch() -> None:
    newest = {"epoch": 2, "file": "epoch-2", "sha256": "ab"}
    rows = [{"val_loss": 0.5}, {"val_loss": 0.25}]
    found = history_from_json({"epochs": rows, "checkpoints": [newest], "best": None})
    assert found.checkpoints == (Checkpoint(2, "epoch-2", "ab", 0.25),)


@pytest.mark.parametrize("content", [{}, {"epochs": [], "checkpoints": [{}], "best": None}])
def test_something_else_is_no_history(content: dict[str, object]) -> None:
    with pytest.raises((LookupError, TypeError)):
        history_from_json(content)
