"""The training loop: from a run's newest checkpoint, epoch by epoch, to its end."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING

import numpy as np

from napari_nuclei.core import augment, images
from napari_nuclei.core.augment import AugmentOptions, Source
from napari_nuclei.errors import RunError
from napari_nuclei.model import trainer, unet
from napari_nuclei.model.predictor import KerasPredictor, Predictor
from napari_nuclei.pipeline.crops import Batch, CropSampler, balance_kinds, make_batch
from napari_nuclei.pipeline.prediction import TileOptions
from napari_nuclei.pipeline.recipe import TrainOptions, learning_rate

if TYPE_CHECKING:
    import keras

    from napari_nuclei.pipeline import runs
    from napari_nuclei.pipeline.datasets import Item

_VALIDATION_CROPS_PER_IMAGE = 2


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave.

    Attributes
    ----------
    number : int
        From 1; 0 stands for the network before training, which has no row.
    row : dict
        Loss and metrics of training and (``val_``) validation, learning rate, seconds.
    predictor : Predictor
        The network as it is now.
    """

    number: int
    row: dict[str, float]
    predictor: Predictor


def train_steps(
    run: runs.Run, train: Sequence[Item], val: Sequence[Item], options: TrainOptions
) -> Generator[Epoch, None, keras.Model]:
    """Train from where the run stands to its last epoch, yielding before the first and after each.

    Parameters
    ----------
    run : Run
        New, or reopened: then it goes on from its newest checkpoint.
    train, val : sequence of Item
        Both with at least one item; validation scores decide which epoch is the best.
    options : TrainOptions
        The same for the whole run.

    Returns
    -------
    keras.Model
        The network with the weights of the best epoch.
    """
    trainer.set_seed(options.seed)
    network = unet.build(options.network)
    teacher = trainer.Trainer(
        network,
        trainer.OptimizerOptions(
            options.weight_decay, options.freeze_encoder, options.freeze_batchnorm
        ),
    )
    done = _restore(run, teacher, options)
    sampler = _sampler(train, options)
    validation = _validation_batches(val, options)
    predictor = KerasPredictor(network, TileOptions().batch_size)
    if done == 0:
        yield Epoch(0, {}, predictor)
    for epoch in range(done + 1, options.epochs + 1):
        started = time.monotonic()
        row = _train_epoch(teacher, sampler, epoch, options)
        row |= {f"val_{name}": value for name, value in _test(teacher, validation).items()}
        row["seconds"] = time.monotonic() - started
        _refuse_divergence(row)
        run.save_epoch(row, teacher.weights(), teacher.optimizer_state())
        yield Epoch(epoch, row, predictor)
    unet.assign_weights(unet.named_weights(network), run.load_best())
    return network


def _restore(run: runs.Run, teacher: trainer.Trainer, options: TrainOptions) -> int:
    """Bring the network to the run's newest checkpoint or to its start; return epochs done."""
    if run.history.epochs:
        epoch, tensors = run.load_newest()
        teacher.restore(tensors)
        run.rewind(epoch)
        return epoch
    trainer.load_encoder(teacher.network, options.encoder_weights)
    return 0


def _train_epoch(
    teacher: trainer.Trainer, sampler: CropSampler, epoch: int, options: TrainOptions
) -> dict[str, float]:
    steps = options.epochs * sampler.batches
    first = (epoch - 1) * sampler.batches
    rates = [learning_rate(options, first + index, steps) for index in range(sampler.batches)]
    logs = [
        teacher.train(batch.images, batch.targets, rate)
        for batch, rate in zip(sampler.epoch(epoch), rates, strict=True)
    ]
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


def _sampler(items: Sequence[Item], options: TrainOptions) -> CropSampler:
    return CropSampler(
        [_source(item, options) for item in items],
        balance_kinds([item.kind for item in items]),
        AugmentOptions() if options.augment else augment.NO_AUGMENTATION,
        options.tile_px,
        options.batch_size,
        -(-len(items) * options.crops_per_image // options.batch_size),
        options.seed,
    )


def _validation_batches(items: Sequence[Item], options: TrainOptions) -> list[Batch]:
    """Return plain crops, the same for every epoch: each image gives as many as the others."""
    rng = np.random.default_rng(options.seed)
    crops = [
        augment.random_crop(source, options.tile_px, augment.NO_AUGMENTATION, rng)
        for source in (_source(item, options) for item in items)
        for _ in range(_VALIDATION_CROPS_PER_IMAGE)
    ]
    # Filled up from the start: every batch of another size would compile another graph.
    batches = -(-len(crops) // options.batch_size)
    endless = cycle(crops)
    return [make_batch(list(islice(endless, options.batch_size))) for _ in range(batches)]


def _source(item: Item, options: TrainOptions) -> Source:
    image = images.prepare(item.read_image())
    return augment.make_source(image, item.read_labels(), options.diameters)
