from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.crops import Batch
from napari_nuclei.pipeline.loop import Course, train_steps
from napari_nuclei.pipeline.recipe import LearningRate


class FakeTeacher:
    """Has one weight, and the validation losses it is given."""

    def __init__(self, val_losses):
        self.val_losses = val_losses

    def train(self, images, targets, rate):
        return {"loss": 1.0}

    def test(self, images, targets):
        return {"loss": next(self.val_losses)}

    def weights(self):
        return {}

    def snapshot(self):
        return None

    def optimizer_state(self):
        return {"optimizer/0000": np.array(1)}


def course(epochs, patience=None):
    """Return a course of two steps an epoch."""
    batch = Batch(np.zeros((1, 4, 4, 3), np.float32), np.zeros((1, 4, 4, 4), np.float32))
    sampler = SimpleNamespace(batches=2, epoch=lambda number: iter([batch, batch]))
    return Course(sampler, [batch], epochs, LearningRate(0.1), patience)


def test_a_training_that_gains_no_more_ends(tmp_path):
    losses = iter([3.0, 1.0, 2.0, 2.0, 0.5])
    run = runs.start(tmp_path / "run", {})
    steps = train_steps(run, FakeTeacher(losses), course(epochs=5, patience=2))
    assert [epoch.number for epoch in steps if epoch.number] == [1, 2, 3, 4]
    assert run.history.best.epoch == 2


def test_an_epoch_that_is_cut_short_is_forgotten(tmp_path):
    answers = iter([False, False, True])
    run = runs.start(tmp_path / "run", {})
    steps = train_steps(run, FakeTeacher(iter([3.0, 1.0])), course(epochs=5), lambda: next(answers))
    assert [epoch.number for epoch in steps if epoch.number] == [1]
    assert len(run.history.epochs) == 1
