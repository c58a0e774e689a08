"""``napari-nuclei train``: a data set to a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei.cli.arguments import Commands, add_command, add_dataset, open_chosen
from napari_nuclei.cli.quiet import preload_network_library
from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.recipe import TrainOptions
from napari_nuclei.pipeline.training import train

if TYPE_CHECKING:
    from napari_nuclei.pipeline.loop import Epoch

_DEFAULTS = TrainOptions()
_SPLIT = "train"
_NUMBERS = (
    ("--epochs", int, "rounds of training"),
    ("--calm-epochs", int, "further rounds whose crops vary less"),
    ("--batch-size", int, "crops that go through the network together"),
    ("--crops-per-image", int, "crops of each image in an epoch"),
    ("--learning-rate", float, "the highest; it falls to zero"),
    ("--weight-decay", float, "how much large weights are held back"),
    ("--dropout", float, "share of the deepest features that is dropped"),
    ("--seed", int, "same seed, same split and same crops"),
)


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "train", run, "train a model on images whose nuclei are known")
    add_dataset(parser, _SPLIT)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="RUN",
        help="folder of the training: checkpoints, curves, pictures, scores, and the model",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on where the training in RUN stopped, with the recipe it began with",
    )
    parser.add_argument("--tensorboard", action="store_true", help="also log to RUN/tensorboard")
    _add_recipe(parser)


def run(args: argparse.Namespace) -> int:
    """Train, printing a line an epoch."""
    chosen = {name: vars(args)[name] for name in _recipe_names() if name in args}
    settings = {name: vars(args)[name] for name in ("name", "val_fraction") if name in args}
    if args.resume and (chosen or settings):
        given = ", ".join(sorted(chosen | settings))
        args.wrong_use(f"--resume goes on with the recipe of the training: leave out {given}")
    options = TrainOptions(**chosen)
    epochs = _epochs_of_run(args.output) if args.resume else options.all_epochs
    dataset = open_chosen(args, _SPLIT)
    preload_network_library(args.debug)
    model = train(
        dataset,
        args.output,
        options,
        **settings,
        tensorboard=args.tensorboard,
        resume=args.resume,
        on_epoch=lambda epoch: print(_describe(epoch, epochs), flush=True),
    )
    print(f"model: {model}")
    return 0


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    # What is not given stays out of the namespace, so that --resume can refuse what is.
    group = parser.add_argument_group("recipe", argument_default=argparse.SUPPRESS)
    group.add_argument("--name", metavar="NAME", help="name of the model (default: my-model)")
    group.add_argument(
        "--val-fraction",
        type=float,
        metavar="X",
        help="share of the images that is held out (default: 0.2)",
    )
    for option, kind, text in _NUMBERS:
        default = vars(_DEFAULTS)[option.lstrip("-").replace("-", "_")]
        text = f"{text} (default: {default})"
        group.add_argument(option, type=kind, metavar="N" if kind is int else "X", help=text)
    _add_switches(group)
    _add_network(group)


def _add_switches(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--no-augment",
        dest="augment",
        action="store_false",
        help="do not vary geometry and colours of the crops",
    )
    group.add_argument(
        "--freeze-encoder", action="store_true", help="train the decoder only: faster, less exact"
    )
    group.add_argument(
        "--freeze-batchnorm",
        action="store_true",
        help="keep the encoder's statistics: faster, and steady with few images",
    )


def _add_network(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--encoder-weights",
        metavar="imagenet|random|PATH",
        help=f"where the encoder starts from (default: {_DEFAULTS.encoder_weights})",
    )
    group.add_argument(
        "--diameters",
        dest="diameters_px",
        type=_two_diameters,
        metavar="PX,PX|none",
        help="smallest and largest nuclei that the network sees; images with others are resized "
        "(default: {:g},{:g})".format(*_DEFAULTS.diameters_px or ()),
    )
    filters = ",".join(map(str, _DEFAULTS.decoder_filters))
    group.add_argument(
        "--decoder-filters",
        type=_four_numbers,
        metavar="N,N,N,N",
        help=f"width of the decoder's steps (default: {filters})",
    )


def _recipe_names() -> set[str]:
    return vars(_DEFAULTS).keys() - {"tile_px"}


def _two_diameters(text: str) -> tuple[float, ...] | None:
    if text == "none":
        return None
    numbers = tuple(float(part) for part in text.split(","))
    if len(numbers) != 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not two diameters such as 24,48")
    return numbers


def _four_numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(part) for part in text.split(","))
    if len(numbers) != 4 or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not four numbers such as 128,64,32,16")
    return numbers


def _epochs_of_run(folder: Path) -> int:
    return TrainOptions.from_json(runs.reopen(folder).request["options"]).all_epochs


def _describe(epoch: Epoch, epochs: int) -> str:
    row = epoch.row
    return (
        f"epoch {epoch.number}/{epochs}  loss {row['loss']:.3f}  val loss {row['val_loss']:.3f}  "
        f"accuracy {row['val_pixel_accuracy']:.3f}  IoU {row['val_pixel_iou']:.2f}  "
        f"{row['seconds']:.0f} s"
    )
