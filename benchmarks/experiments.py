"""Trainings that differ in one thing each, scored on the same images: what pays and what does not.

    python -m benchmarks.experiments DATASET    # all of them, for hours
    python -m benchmarks.experiments DATASET base native

Each one is trained on the images of the split ``train`` and scored on those of ``val``; where a
kind was left out of the training, on the images of that kind in ``train``, too. A run that was
stopped goes on, one that ended is only scored again. The table is in docs/experiments.md.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import chosen, exit_status, make_parser
from napari_nuclei import files
from napari_nuclei.core.appearance import AppearanceOptions
from napari_nuclei.core.augment import AugmentOptions
from napari_nuclei.core.instances import BORDER, DISTANCE, NUCLEUS, centredness
from napari_nuclei.errors import RunError
from napari_nuclei.model import store
from napari_nuclei.pipeline.datasets import Dataset, open_dataset, read_splits, split_by_image
from napari_nuclei.pipeline.evaluate import Report, evaluate
from napari_nuclei.pipeline.recipe import TrainOptions
from napari_nuclei.pipeline.segment import segment
from napari_nuclei.pipeline.training import train

if TYPE_CHECKING:
    import argparse

    from napari_nuclei.core.metrics import Scores

OUT = Path("runs", "experiments")
HELD_OUT = 0.1
BASE = TrainOptions(epochs=6, decoder_filters=(128, 64, 32, 16), freeze_batchnorm=True)
"""The recipe of the shipped model (docs/training.md) cut short: six epochs, none of them calm."""


@dataclass(frozen=True)
class Experiment:
    """A recipe, and what it is to show.

    Attributes
    ----------
    name : str
        Also the name of its folder.
    change : str
        What differs from the base, in words.
    recipe : TrainOptions
    constants : mapping of str to object
        Constants of the package that are no options, by their full names, such as
        ``"model.losses._BORDER_SHARE"``.
    left_out : str
        A kind of image that training never sees; its scores tell how far the rest carries.
    """

    name: str
    change: str
    recipe: TrainOptions
    constants: Mapping[str, Any] = field(default_factory=dict)
    left_out: str = ""


def _by_distance(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how central a pixel is from its distance to the edge alone."""
    no_border = np.zeros_like(maps[..., BORDER])
    return centredness(np.stack([maps[..., NUCLEUS], no_border, maps[..., DISTANCE]], axis=-1))


def _by_border(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how central a pixel is from mask and borders alone."""
    return centredness(np.stack([maps[..., i] for i in (NUCLEUS, BORDER, NUCLEUS)], axis=-1))


def _parted(by: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> dict[str, Any]:
    """Return the constants with which nuclei are parted otherwise."""
    return {"core.instances.centredness": by, "pipeline.scale.centredness": by}


_UNDYED = {
    "pipeline.training.AugmentOptions": partial(
        AugmentOptions, look=AppearanceOptions(stained_share=0)
    )
}

EXPERIMENTS = (
    Experiment("base", "the shipped model's recipe, 6 epochs, none of them calm", BASE),
    Experiment("native", "images at their own scale", replace(BASE, diameters_px=None)),
    Experiment("one-size", "all nuclei at 30 px", replace(BASE, diameters_px=(30.0, 30.0))),
    Experiment(
        "batchnorm", "the encoder's statistics follow", replace(BASE, freeze_batchnorm=False)
    ),
    Experiment("frozen", "encoder frozen", replace(BASE, freeze_encoder=True)),
    Experiment("random", "encoder from nothing", replace(BASE, encoder_weights="random")),
    Experiment("plain", "no augmentation", replace(BASE, augment=False)),
    Experiment("wide", "decoder 512-64", replace(BASE, decoder_filters=(512, 256, 128, 64))),
    Experiment("half", "decoder 256-32", replace(BASE, decoder_filters=(256, 128, 64, 32))),
    Experiment("narrow", "decoder 64-8", replace(BASE, decoder_filters=(64, 32, 16, 8))),
    Experiment("faint-border", "borders count half", BASE, {"model.losses._BORDER_SHARE": 0.5}),
    Experiment("no-dice", "cross-entropy alone", BASE, {"model.losses._DICE_SHARE": 0.0}),
    Experiment("bold-border", "borders count twice", BASE, {"model.losses._BORDER_SHARE": 2.0}),
    Experiment(
        "no-border",
        "no border map: nuclei are parted by distance alone",
        BASE,
        {"model.losses._BORDER_SHARE": 0.0, **_parted(_by_distance)},
    ),
    Experiment(
        "no-distance",
        "no distance map: nuclei are parted by borders alone",
        BASE,
        {"model.losses._DISTANCE_SHARE": 0.0, **_parted(_by_border)},
    ),
    Experiment("thin-border", "borders 3 px wide, not 5", BASE, {"core.targets.BORDER_PX": 3}),
    Experiment("thick-border", "borders 7 px wide", BASE, {"core.targets.BORDER_PX": 7}),
    Experiment("without-stained", "no stained image in training", BASE, left_out="stained"),
    Experiment("undyed", "grey crops are never stained", BASE, _UNDYED),
    Experiment(
        "undyed-without-stained",
        "no stained image in training, and grey crops are never stained",
        BASE,
        _UNDYED,
        "stained",
    ),
    Experiment(
        "seeds",
        "the course projects' recipe",
        TrainOptions(epochs=10, freeze_encoder=True, augment=False, diameters_px=None),
    ),
)


_BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiments that were asked for and print a table of all that have ended."""
    parser = make_parser("experiments", __doc__, _BY_NAME)
    parser.add_argument("-o", "--out", type=Path, default=OUT, help=f"default: {OUT}")
    args = parser.parse_intermixed_args(arguments)
    return exit_status(lambda: _run_all(args))


def _run_all(args: argparse.Namespace) -> None:
    experiments = [_BY_NAME[name] for name in chosen(args.names, _BY_NAME)]
    dataset, splits = open_dataset(args.dataset), read_splits(args.splits)
    training, val = (dataset.select(splits, split) for split in ("train", "val"))
    for experiment in experiments:
        claim(experiment, args.out)
        folder = args.out / experiment.name
        report = _run(experiment, folder, training, val)
        files.write_text(folder / "val.json", json.dumps(report.to_json(), indent=1))
        print(_row(experiment, folder, report), flush=True)


def _run(experiment: Experiment, folder: Path, training: Dataset, val: Dataset) -> Report:
    is_known = (folder / "run.json").exists()
    seen = tuple(item for item in training.items if item.kind != experiment.left_out)
    unseen = tuple(item for item in training.items if item.kind == experiment.left_out)
    with _constants(experiment.constants):
        train(
            replace(training, items=seen),
            folder,
            experiment.recipe,
            val_fraction=HELD_OUT,
            name=experiment.name,
            resume=is_known,
            on_epoch=lambda epoch: print(experiment.name, epoch.number, flush=True),
        )
        model = store.load_model(folder / "model")
        return evaluate(val.items + unseen, lambda image: segment(image, model).labels)


def claim(experiment: Experiment, out: Path) -> None:
    """Note beside the folder of a run how it is made, or refuse what was made otherwise.

    Raises
    ------
    RunError
        When there is a run of this name that the row of a table would not describe.
    """
    path = out / f"{experiment.name}.json"
    recipe = json.loads(json.dumps(asdict(experiment), default=_spelled))
    if not (out / experiment.name).exists():
        files.write_text(path, json.dumps(recipe, indent=1))
    elif not path.exists() or json.loads(path.read_text()) != recipe:
        raise RunError(
            f"{out / experiment.name}: made by another recipe than {experiment.name} has now; "
            "remove it, or choose another folder."
        )


def _spelled(value: object) -> object:
    """Return what JSON has no word for, the same in every process."""
    if isinstance(value, partial):
        return [value.func, value.keywords]
    return getattr(value, "__qualname__", repr(value))


def held_out(training: Dataset) -> Dataset:
    """Return the images of the split ``train`` that only chose among epochs and thresholds."""
    return split_by_image(training, HELD_OUT, BASE.seed)[1]


@contextmanager
def _constants(values: Mapping[str, Any]) -> Iterator[None]:
    """Change constants of the package for a while."""
    with ExitStack() as stack:
        for name, value in values.items():
            module, _, constant = name.rpartition(".")
            target = importlib.import_module(f"napari_nuclei.{module}")
            stack.enter_context(patch.object(target, constant, value))
        yield


def _row(experiment: Experiment, folder: Path, report: Report) -> str:
    """Return a row of the table in docs/experiments.md."""
    epochs = json.loads((folder / "history.json").read_text())["epochs"]
    seconds = sum(row["seconds"] for row in epochs)
    return (
        f"| {experiment.name} | {experiment.change} | {kinds_in_figures(report)} | {seconds:.0f} |"
    )


def kinds_in_figures(report: Report) -> str:
    """Return AP50, mean AP and Dice of all images and of the kinds of which there are many."""
    kinds = [report.per_kind[kind] for kind in ("fluorescence", "stained")]
    return " | ".join(map(in_figures, (report.overall, *kinds)))


def in_figures(scores: Scores) -> str:
    """Return AP50, mean AP and Dice."""
    return f"{scores.ap50:.3f} / {scores.mean_ap:.3f} / {scores.dice:.3f}"


if __name__ == "__main__":
    sys.exit(main())
