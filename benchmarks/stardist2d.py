"""StarDist 2D [1]_ as a rival: trained here as its authors' notebook does, or with their weights.

Keras' own `BackupAndRestore` makes a stopped training go on. What it does not keep are the lowest
loss so far, which is read from the history, and how long the loss has not fallen: there the wait
for a lower learning rate begins anew.

References
----------
.. [1] Schmidt et al., "Cell Detection with Star-convex Polygons", MICCAI 2018.
"""

from __future__ import annotations

import csv
import functools
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from csbdeep.utils import normalize
from numpy.typing import NDArray
from stardist import fill_label_holes
from stardist.models import Config2D, StarDist2D

from benchmarks.augmentation import augment
from benchmarks.comparison import Rival
from napari_nuclei import files
from napari_nuclei.core.metrics import IOU_THRESHOLDS
from napari_nuclei.errors import RunError

if TYPE_CHECKING:
    from napari_nuclei.pipeline.datasets import Item

STEPS_PER_EPOCH = 100
SEED = 0
PRETRAINED = {"grey": "2D_versatile_fluo", "colour": "2D_versatile_he"}
"""What StarDist's authors offer for fluorescence and for haematoxylin and eosin."""

_N_CHANNELS = 3
_PERCENTILES = (1, 99.8)
# The notebook halves the learning rate after 40 of its 400 epochs without a better loss.
_PATIENCE = 0.1
_IMAGES = "images.json"
_HISTORY = "history.csv"
# Written by StarDist at the end of a training, and of the choice of thresholds.
_LAST_WEIGHTS = "weights_last.h5"
_THRESHOLDS = "thresholds.json"


def trained(folder: Path, train: Sequence[Item], held_out: Sequence[Item], epochs: int) -> Rival:
    """Return StarDist trained on these images; goes on where an earlier call was stopped.

    Parameters
    ----------
    folder : Path
        Its model folder: checkpoints, and in the end weights and thresholds.
    train, held_out : sequence of Item
        What it learns from; what the best epoch and the thresholds are chosen on.
    epochs : int
        Of `STEPS_PER_EPOCH` steps.

    Raises
    ------
    RunError
        When the folder belongs to a training on other images.
    DatasetError
        When an image cannot be read.
    """
    _claim(folder, train, held_out)
    if not (folder / _LAST_WEIGHTS).exists():
        _train(folder, train, held_out, epochs)
    model = StarDist2D(None, folder.name, str(folder.parent))
    if not (folder / _THRESHOLDS).exists():
        # For what the comparison looks at, mean AP; as ours are.
        model.optimize_thresholds(*_read(held_out), iou_threshs=list(IOU_THRESHOLDS))
    about = {
        "weights": "trained here",
        "steps": epochs * STEPS_PER_EPOCH,
        "batch_size": model.config.train_batch_size,
        "patch_px": model.config.train_patch_size,
        "training_seconds": round(sum(_column(folder, "seconds"))),
        "n_train": len(train),
        "n_held_out": len(held_out),
        "thresholds": model.thresholds._asdict(),
    }
    name = f"StarDist, {epochs * STEPS_PER_EPOCH} steps"
    return Rival(name, functools.partial(_segment, model), about)


def pretrained() -> Rival:
    """Return StarDist with its authors' weights and thresholds, downloaded where not cached.

    Grey images go to the model for fluorescence, others to the one for stained tissue.

    Raises
    ------
    RunError
        When the weights are not cached and cannot be downloaded.
    """
    print(f"StarDist downloads {', '.join(PRETRAINED.values())} from GitHub unless Keras has them.")
    try:
        models = {look: StarDist2D.from_pretrained(name) for look, name in PRETRAINED.items()}
    except Exception as error:  # a bare one is what Keras raises for an unreachable address
        raise RunError(f"StarDist's weights cannot be had ({error}); train it instead.") from error

    def segmenter(image: NDArray[Any]) -> NDArray[np.int32]:
        return _segment(models["grey" if _is_grey(image) else "colour"], image)

    thresholds = {PRETRAINED[look]: m.thresholds._asdict() for look, m in models.items()}
    about = {"weights": "its authors'", "models": PRETRAINED, "thresholds": thresholds}
    return Rival("StarDist, pretrained", segmenter, about)


def _claim(folder: Path, train: Sequence[Item], held_out: Sequence[Item]) -> None:
    """Note the images in a new folder, or refuse one of a training on others."""
    path = folder / _IMAGES
    images = {"train": [i.id for i in train], "held_out": [i.id for i in held_out]}
    if not path.exists():
        files.write_text(path, json.dumps(images, indent=1))
    elif json.loads(path.read_text()) != images:
        raise RunError(f"{folder}: was trained on other images; choose another folder.")


def _train(folder: Path, train: Sequence[Item], held_out: Sequence[Item], epochs: int) -> None:
    """Train, and keep the weights of the epoch with the lowest loss on the held-out images."""
    model = StarDist2D(_config(epochs), folder.name, str(folder.parent))
    model.prepare_for_training()
    _add_callbacks(model, folder)
    rng = np.random.default_rng([SEED, len(_column(folder, "epoch"))])
    model.train(
        *_read(train),
        validation_data=_read(held_out),
        augmenter=functools.partial(augment, rng=rng),
        seed=SEED,
        epochs=epochs,
        steps_per_epoch=STEPS_PER_EPOCH,
    )


def _config(epochs: int) -> Config2D:
    """Return the configuration of ``2D_versatile_fluo``, for colour images, too."""
    patience = max(1, round(epochs * _PATIENCE))
    return Config2D(
        n_rays=32,
        grid=(2, 2),
        n_channel_in=_N_CHANNELS,
        train_epochs=epochs,
        train_steps_per_epoch=STEPS_PER_EPOCH,
        train_reduce_lr={"factor": 0.5, "patience": patience, "min_delta": 0},
        train_tensorboard=False,
    )


def _add_callbacks(model: StarDist2D, folder: Path) -> None:
    """Let every epoch end with a checkpoint of weights and optimizer, from which `fit` goes on."""
    losses = _column(folder, "val_loss")
    for callback in model.callbacks:
        if losses and isinstance(callback, keras.callbacks.ModelCheckpoint):
            callback.best = min(losses)  # else the first epoch from here on replaced the best one
    model.callbacks += [
        _Epochs(len(losses)),
        keras.callbacks.CSVLogger(str(folder / _HISTORY), append=True),
        keras.callbacks.BackupAndRestore(str(folder / "backup"), double_checkpoint=True),
    ]


class _Epochs(keras.callbacks.Callback):
    """Times the epochs, and keeps a continued training from repeating the patches it began with."""

    def __init__(self, n_done: int) -> None:
        super().__init__()
        self._n_done = n_done
        self._start = 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # StarDist draws the patches from numpy's global state.
        np.random.seed([SEED, self._n_done])  # noqa: NPY002

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            logs["seconds"] = time.perf_counter() - self._start


def _column(folder: Path, name: str) -> list[float]:
    """Return a column of the history: a value for every epoch that has ended."""
    path = folder / _HISTORY
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        return [float(row[name]) for row in csv.DictReader(stream)]


def _read(items: Sequence[Item]) -> tuple[list[NDArray[np.float32]], list[NDArray[np.int32]]]:
    images = [_prepare(item.read_image(), _N_CHANNELS) for item in items]
    return images, [fill_label_holes(item.read_labels()) for item in items]


def _segment(model: StarDist2D, image: NDArray[Any]) -> NDArray[np.int32]:
    labels, _ = model.predict_instances(_prepare(image, model.config.n_channel_in))
    return np.asarray(labels, np.int32)


def _prepare(image: NDArray[Any], n_channels: int) -> NDArray[np.float32]:
    """Return the image with so many channels, normalised as a whole, as StarDist's command does."""
    if n_channels == 1:
        plane = image if image.ndim == 2 else image.mean(axis=-1)
    else:
        plane = image if image.ndim == 3 else np.stack([image] * n_channels, axis=-1)
    return np.asarray(normalize(plane, *_PERCENTILES), np.float32)


def _is_grey(image: NDArray[Any]) -> bool:
    return image.ndim == 2 or bool((image == image[..., :1]).all())
