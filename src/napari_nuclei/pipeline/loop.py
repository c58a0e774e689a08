"""The training loop: from a run's newest checkpoint, epoch by epoch, to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING

import numpy as np

from napari_nuclei.core import augment
from napari_nuclei.errors import RunError
from napari_nuclei.pipeline.crops import Batch, CropSampler, make_batch
from napari_nuclei.pipeline.steps import never

if TYPE_CHECKING:
    from napari_nuclei.core.augment import Source
    from napari_nuclei.model import trainer
    from napari_nuclei.model.network import Network
    from napari_nuclei.model.predictor import Predictor
    from napari_nuclei.pipeline import runs
    from napari_nuclei.pipeline.history import History
    from napari_nuclei.pipeline.recipe import LearningRate


def _nothing(_: Predictor) -> dict[str, float]:
    return {}


@dataclass(frozen=True)
class Phase:
    """Epochs of one kind, over which the learning rate takes its course once.

    Attributes
    ----------
    sampler : CropSampler
        Draws the batches of an epoch.
    epochs : int
        At least one.
    learning_rate : LearningRate
    """

    sampler: CropSampler
    epochs: int
    learning_rate: LearningRate

    def rates(self, epoch: int) -> list[float]:
        """Return the learning rate of each step of an epoch, counted from 0 within the phase."""
        batches = self.sampler.batches
        steps = self.epochs * batches
        return [self.learning_rate(epoch * batches + index, steps) for index in range(batches)]


@dataclass(frozen=True)
class Course:
    """What a training goes through; the same from its first epoch to its last, if resumed, too.

    Attributes
    ----------
    phases : tuple of Phase
        At least one; they follow each other.
    validation : sequence of Batch
        At least one; their loss decides which epoch is the best.
    patience : int, optional
        End after so many epochs without a lower validation loss.
    examine : callable
        Gets the network after each epoch; what it returns joins the epoch's row.
    """

    phases: tuple[Phase, ...]
    validation: Sequence[Batch]
    patience: int | None = None
    examine: Callable[[Predictor], dict[str, float]] = _nothing

    @property
    def epochs(self) -> int:
        """How many epochs there are in all phases."""
        return sum(phase.epochs for phase in self.phases)

    def place_of(self, epoch: int) -> tuple[Phase, int]:
        """Return the phase of an epoch, which counts from 1, and its number there, from 0."""
        number = epoch - 1
        for phase in self.phases:
            if number < phase.epochs:
                return phase, number
            number -= phase.epochs
        raise IndexError(epoch)


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave.

    Attributes
    ----------
    number : int
        From 1; 0 stands for the network before training, which has no row.
    row : dict
        Loss and metrics of training and (``val_``) validation, learning rate, seconds.
    network : Network
        As it was then.
    """

    number: int
    row: dict[str, float]
    network: Network


def train_steps(
    run: runs.Run,
    teacher: trainer.Trainer,
    course: Course,
    is_over: Callable[[], bool] = never,
) -> Iterator[Epoch]:
    """Train from where the run stands to its last epoch, yielding before the first and after each.

    The weights of the best epoch are then the run's.

    Parameters
    ----------
    run : Run
        New, or reopened: then it goes on from its newest checkpoint.
    teacher : Trainer
        With the weights from which a new run begins.
    course : Course
        The same for the whole run.
    is_over : callable, optional
        Asked before each step; True ends the training at once. The epoch under way is forgotten:
        it starts anew when the run is resumed.

    Raises
    ------
    RunError
        When the weights become useless, the run folder cannot be written, or the training is over
        before its first epoch is.
    """
    done = _restore(run, teacher)
    if done == 0:
        yield Epoch(0, {}, teacher.snapshot())
    for epoch in range(done + 1, course.epochs + 1):
        if _is_patience_gone(run.history, course.patience):
            break
        started = time.monotonic()
        row = _train_epoch(teacher, course, epoch, is_over)
        if row is None:
            break
        row |= {f"val_{name}": value for name, value in _test(teacher, course.validation).items()}
        _refuse_divergence(row)
        learnt = teacher.snapshot()
        row |= course.examine(learnt)
        row["seconds"] = time.monotonic() - started
        run.save_epoch(row, learnt.tensors, teacher.optimizer_state())
        yield Epoch(epoch, row, learnt)
    if not run.history.epochs:
        raise RunError("The training was stopped before its first epoch ended: nothing was learnt.")


def _restore(run: runs.Run, teacher: trainer.Trainer) -> int:
    """Bring the network to the run's newest checkpoint, if there is one; return epochs done."""
    if not run.history.epochs:
        return 0
    epoch, tensors = run.load_newest()
    teacher.restore(tensors)
    run.rewind(epoch)
    return epoch


def _is_patience_gone(history: History, patience: int | None) -> bool:
    if patience is None or history.best is None:
        return False
    return len(history.epochs) - history.best.epoch >= patience


def _train_epoch(
    teacher: trainer.Trainer, course: Course, epoch: int, is_over: Callable[[], bool]
) -> dict[str, float] | None:
    """Return the row of an epoch, or None when it was cut short."""
    phase, number = course.place_of(epoch)
    rates = phase.rates(number)
    logs = []
    for batch, rate in zip(phase.sampler.epoch(epoch), rates, strict=True):
        if is_over():
            return None
        logs.append(teacher.train(batch.images, batch.targets, rate))
    return {"epoch": epoch, **_means(logs), "learning_rate": rates[-1]}


def _test(teacher: trainer.Trainer, batches: Sequence[Batch]) -> dict[str, float]:
    return _means([teacher.test(batch.images, batch.targets) for batch in batches])


def _means(logs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([log[name] for log in logs])) for name in logs[0]}


def _refuse_divergence(row: dict[str, float]) -> None:
    """Stop a training whose weights are beyond repair, before they are kept."""
    if not np.isfinite([row["loss"], row["val_loss"]]).all():
        raise RunError(
            f"The training diverged in epoch {row['epoch']:.0f}: start again with a lower "
            "learning rate."
        )


def validation_batches(
    sources: Sequence[Source], crops_per_source: int, tile_px: int, batch_size: int, seed: int
) -> list[Batch]:
    """Return plain crops, the same for every epoch: each image gives as many as the others."""
    rng = np.random.default_rng(seed)
    crops = [
        augment.random_crop(source, tile_px, augment.NO_AUGMENTATION, rng)
        for source in sources
        for _ in range(crops_per_source)
    ]
    # Filled up from the start: every batch of another size would compile another graph.
    batches = -(-len(crops) // batch_size)
    endless = cycle(crops)
    return [make_batch(list(islice(endless, batch_size))) for _ in range(batches)]
