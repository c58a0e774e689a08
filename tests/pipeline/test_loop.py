from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_nuclei.errors import ModelError, RunError
from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.crops import Batch
from napari_nuclei.pipeline.loop import Course, Phase, train_steps
from napari_nuclei.pipeline.recipe import LearningRate


class FakeTeacher:
    """Has one weight, and the validation losses it is given."""

    def __init__(self, val_losses):
        self.val_losses = val_losses

    def train(self, images, targets, rate):
        return {"loss": 1.0}

    def test(self, images, targets):
        return {"loss": next(self.val_losses)}

    def snapshot(self):
        return SimpleNamespace(tensors={})

    def optimizer_state(self):
        return {"optimizer/0000": np.array(1)}


class DivergingTeacher(FakeTeacher):
    """Its weights are useless after the first epoch, and then it has no network to show."""

    def __init__(self):
        super().__init__(iter([np.nan]))

    def train(self, images, targets, rate):
        self.snapshot = self.refuse
        return {"loss": 1.0}

    def refuse(self):
        raise ModelError("The tensor conv/kernel is not finite.")


def course(epochs, patience=None):
    """Return a course of two steps an epoch."""
    batch = Batch(np.zeros((1, 4, 4, 3), np.float32), np.zeros((1, 4, 4, 4), np.float32))
    sampler = SimpleNamespace(batches=2, epoch=lambda number: iter([batch, batch]))
    return Course((Phase(sampler, epochs, LearningRate(0.1)),), [batch], patience)


def test_each_phase_has_its_epochs_and_a_learning_rate_of_its_own():
    first, calm = (
        Phase(SimpleNamespace(batches=2), epochs, LearningRate(highest))
        for epochs, highest in ((3, 1.0), (2, 0.5))
    )
    course = Course((first, calm), [])
    assert course.epochs == 5
    assert [course.place_of(epoch) for epoch in range(1, 6)] == [
        (first, 0),
        (first, 1),
        (first, 2),
        (calm, 0),
        (calm, 1),
    ]
    assert first.rates(0)[0] == 1.0
    assert calm.rates(0)[0] == 0.5
    assert calm.rates(1)[-1] < 0.2
    with pytest.raises(IndexError):
        course.place_of(6)


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


def test_divergence_is_told_before_its_network_is_asked_for(tmp_path):
    run = runs.start(tmp_path / "run", {})
    with pytest.raises(RunError, match="diverged in epoch 1"):
        list(train_steps(run, DivergingTeacher(), course(epochs=2)))
    assert not run.history.epochs
