"""Train a network on a data set: from the images to a saved model, its scores and its pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_nuclei import files
from napari_nuclei.core import augment, images
from napari_nuclei.core.augment import AugmentOptions
from napari_nuclei.core.diameter import DiameterRange, median_diameter_px
from napari_nuclei.errors import DatasetError, NucleiError, RunError
from napari_nuclei.model import store, trainer, unet
from napari_nuclei.model.contents import MANIFEST_FILE
from napari_nuclei.model.manifest import check_own_name
from napari_nuclei.model.network import Network
from napari_nuclei.pipeline import reports, runs
from napari_nuclei.pipeline.crops import CropSampler, balance_kinds
from napari_nuclei.pipeline.datasets import Dataset, Item, split_by_image
from napari_nuclei.pipeline.evaluate import Report, evaluate, save_figures
from napari_nuclei.pipeline.loop import Course, Epoch, Phase, train_steps, validation_batches
from napari_nuclei.pipeline.recipe import LearningRate, TrainOptions
from napari_nuclei.pipeline.segment import segment
from napari_nuclei.pipeline.thresholds import choose_thresholds

_EXAMPLES = 4
# Of the highest learning rate: enough to move on, too little to begin anew.
_CALM_RATE = 0.5
_VALIDATION_CROPS_PER_IMAGE = 2
_COMMON_PERCENTILES = (10, 90)
_USUAL_DIAMETER_PX = 20.0


class _ListenerFault(Exception):
    """Carries what `on_epoch` raised past those who would call it one of the run's folder."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason)
        self.reason = reason


def train(
    dataset: Dataset,
    folder: Path,
    options: TrainOptions | None = None,
    *,
    val_fraction: float = 0.2,
    name: str = "my-model",
    tensorboard: bool = False,
    resume: bool = False,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Path:
    """Train a network and save it as a model, with curves, scores and pictures beside it.

    The run folder then holds ``model/``, ``metrics.json`` (scores on the held-out images),
    ``curves.png``, ``pictures/`` (image, truth and prediction before training and after every
    epoch), ``examples/`` (the best and the worst held-out images) and the checkpoints.

    Parameters
    ----------
    dataset : Dataset
        Its images are split into training and validation; of the course layout, ``train`` is split
        and ``test`` left alone.
    folder : Path
        The run folder: missing or empty, or with `resume` the one to continue.
    options : TrainOptions, optional
        When resuming, those of the run count.
    val_fraction : float
        Share of the images that is held out.
    name : str
        Name of the model.
    tensorboard : bool
        Also log to ``tensorboard/``.
    resume : bool
        Continue after the last epoch that was completed.
    on_epoch : callable, optional
        Gets each epoch as it ends.

    Returns
    -------
    Path
        The model folder, which `napari_nuclei.load_model` opens.

    Raises
    ------
    DatasetError
        When there are fewer than two images, or one cannot be read.
    RunError
        When the run folder cannot be used or written, or another process is at it.
    """
    options = options or TrainOptions()
    run = _open_run(dataset, folder, options, val_fraction, name, resume)
    logs = reports.TensorBoard(folder / "tensorboard") if tensorboard else None
    try:
        with runs.hold(run):
            return _train(run, dataset, logs, on_epoch)
    except _ListenerFault as fault:
        raise fault.reason from None
    except (NucleiError, OSError) as error:
        if not resume:
            runs.discard_vain(run)
        if isinstance(error, NucleiError):
            raise
        reason = error.strerror or error
        again = "resume" if runs.is_run(folder) else "start again"
        raise RunError(f"{folder}: cannot be written ({reason}); make room and {again}.") from error


def _train(
    run: runs.Run,
    dataset: Dataset,
    logs: reports.TensorBoard | None,
    on_epoch: Callable[[Epoch], object] | None,
) -> Path:
    options = TrainOptions.from_json(run.request["options"])
    train_items, val_items = _items_of(run, dataset)
    steps = steps_from_scratch(run, train_items, val_items, options)
    _follow(steps, run, val_items[0], options.diameters, logs, on_epoch)
    return _save(run, options, val_items)


def steps_from_scratch(
    run: runs.Run, train: Sequence[Item], val: Sequence[Item], options: TrainOptions
) -> Iterator[Epoch]:
    """Return the training loop of a network that begins with no more than a trained encoder.

    Parameters
    ----------
    run : Run
        New, or reopened: then it goes on from its newest checkpoint.
    train, val : sequence of Item
        Both with at least one item; validation scores decide which epoch is the best.
    options : TrainOptions
        The same for the whole run.
    """
    trainer.set_seed(options.seed)
    network = unet.build(options.network)
    if not run.history.epochs:
        trainer.load_encoder(network, options.encoder_weights)
    frozen = trainer.OptimizerOptions(
        options.weight_decay, options.freeze_encoder, options.freeze_batchnorm
    )
    teacher = trainer.Trainer(network, options.network, frozen)
    return train_steps(run, teacher, _course(train, val, options))


def _course(train: Sequence[Item], val: Sequence[Item], options: TrainOptions) -> Course:
    sampler = CropSampler(
        [_source(item, options) for item in train],
        balance_kinds([item.kind for item in train]),
        AugmentOptions() if options.augment else augment.NO_AUGMENTATION,
        options.tile_px,
        options.batch_size,
        -(-len(train) * options.crops_per_image // options.batch_size),
        options.seed,
    )
    validation = validation_batches(
        [_source(item, options) for item in val],
        _VALIDATION_CROPS_PER_IMAGE,
        options.tile_px,
        options.batch_size,
        options.seed,
    )
    phases = [Phase(sampler, options.epochs, LearningRate(options.learning_rate))]
    if options.calm_epochs:
        calm = replace(sampler, options=augment.CALM if options.augment else sampler.options)
        rate = LearningRate(options.learning_rate * _CALM_RATE)
        phases.append(Phase(calm, options.calm_epochs, rate))
    return Course(tuple(phases), validation)


def _source(item: Item, options: TrainOptions) -> augment.Source:
    image = images.prepare(item.read_image())
    return augment.make_source(image, item.read_labels(), options.diameters)


def _open_run(
    dataset: Dataset,
    folder: Path,
    options: TrainOptions,
    val_fraction: float,
    name: str,
    resume: bool,
) -> runs.Run:
    if resume:
        return runs.reopen(folder)
    # Hours later would be a bad moment to find these wrong.
    check_own_name(name)
    trainer.check_encoder_weights(options.encoder_weights)
    pool = dataset.in_group("train") if "train" in dataset.groups else dataset
    train_part, val_part = split_by_image(pool, val_fraction, options.seed)
    if not train_part.items or not val_part.items:
        raise DatasetError(f"{dataset.path}: training needs two images or more, one to validate.")
    request = {
        "name": name,
        "data": dataset.path.name,
        "options": options.to_json(),
        "train": {item.id: item.kind for item in train_part.items},
        "val": {item.id: item.kind for item in val_part.items},
    }
    return runs.start(folder, request)


def _items_of(run: runs.Run, dataset: Dataset) -> tuple[list[Item], list[Item]]:
    """Return the images of the run's split, which stays the same when a run is resumed."""
    known = {item.id: item for item in dataset.items}
    kinds: dict[str, str] = run.request["train"] | run.request["val"]
    missing = [i for i in kinds if i not in known]
    if missing:
        raise RunError(
            f"{dataset.path}: {len(missing)} images of the run are missing, {missing[0]} for one; "
            "resume with the data set the run began with."
        )
    items = {i: replace(known[i], kind=kind) for i, kind in kinds.items()}
    return [items[i] for i in run.request["train"]], [items[i] for i in run.request["val"]]


def _follow(
    steps: Iterable[Epoch],
    run: runs.Run,
    shown: Item,
    diameters: DiameterRange | None,
    logs: reports.TensorBoard | None,
    on_epoch: Callable[[Epoch], object] | None,
) -> None:
    """Run the loop to its end, with a picture, curves and logs after each epoch."""
    for epoch in steps:
        picture = run.folder / "pictures" / f"epoch-{epoch.number:04d}.png"
        reports.draw_epoch(epoch, shown, diameters, picture)
        if epoch.number == 0:
            continue
        reports.draw_curves(run.history.epochs, run.folder / "curves.png")
        if logs:
            logs.add(epoch)
        if on_epoch:
            _tell(on_epoch, epoch)


def _tell(on_epoch: Callable[[Epoch], object], epoch: Epoch) -> None:
    try:
        on_epoch(epoch)
    except OSError as error:
        raise _ListenerFault(error) from error


def _save(run: runs.Run, options: TrainOptions, val_items: list[Item]) -> Path:
    """Choose thresholds, save the model, score it on the held-out images, draw examples."""
    folder = run.folder / "model"
    diameters = options.diameters or _diameters_of(val_items)
    # A run that was killed while it was scored has its model already.
    if not (folder / MANIFEST_FILE).exists():
        network = Network(options.network, run.load_best())
        store.save_model(
            folder,
            network,
            name=run.request["name"],
            thresholds=choose_thresholds(network, val_items, diameters),
            diameters=diameters,
            provenance=_provenance(run, options),
        )
    model = store.load_model(folder)

    def segmenter(image: Any) -> Any:
        return segment(image, model).labels

    report = evaluate(val_items, segmenter)
    _write_metrics(run, report)
    save_figures(report, val_items, segmenter, run.folder / "examples", _EXAMPLES)
    return folder


def _diameters_of(items: list[Item]) -> DiameterRange:
    """Return the sizes of nuclei that are common in images of their own scale."""
    medians_px = [median_diameter_px(item.read_labels()) for item in items]
    known_px = [diameter_px for diameter_px in medians_px if diameter_px]
    return DiameterRange(*np.percentile(known_px or [_USUAL_DIAMETER_PX], _COMMON_PERCENTILES))


def _write_metrics(run: runs.Run, report: Report) -> None:
    content = {"held_out": report.to_json(), "epochs": list(run.history.epochs)}
    files.write_text(run.folder / "metrics.json", json.dumps(content, indent=1))


def _provenance(run: runs.Run, options: TrainOptions) -> dict[str, Any]:
    return {
        "base": Path(options.encoder_weights).name,
        "data": run.request["data"],
        "training": {
            **options.to_json(),
            "images": len(run.request["train"]),
            "held_out": len(run.request["val"]),
        },
    }
