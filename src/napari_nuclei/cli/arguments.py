"""What several commands share: options, data sets, models."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from napari_nuclei.cli.quiet import preload_network_library
from napari_nuclei.model import device, store
from napari_nuclei.pipeline.datasets import Dataset, open_dataset, read_splits

# A string, since argparse keeps the class to itself and does not let it be indexed.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
) -> argparse.ArgumentParser:
    """Add a command that is carried out by `run`, which returns the exit status."""
    parser = commands.add_parser(
        name, help=summary, description=_sentence(summary), allow_abbrev=False
    )
    # Not given here must not undo --debug before the command.
    add_debug(parser, default=argparse.SUPPRESS)
    parser.set_defaults(run=run, wrong_use=parser.error)
    return parser


def add_group(commands: Commands, name: str, summary: str) -> Commands:
    """Add a command that has commands of its own, and return what they are added to."""
    parser = commands.add_parser(
        name, help=summary, description=_sentence(summary), allow_abbrev=False
    )
    add_debug(parser, default=argparse.SUPPRESS)
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def add_debug(parser: argparse.ArgumentParser, default: Any) -> None:
    """Add ``--debug``."""
    parser.add_argument(
        "--debug", action="store_true", default=default, help="show where an error comes from"
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add ``--model`` and ``--device``, for `load_model`."""
    parser.add_argument(
        "--model",
        metavar="NAME|PATH",
        help="name or folder of a model (default: the one that ships with napari-nuclei)",
    )
    parser.add_argument(
        "--device",
        choices=device.DEVICES,
        default=device.DEVICES[0],
        help="auto takes a graphics card where there is one, cpu never (default: %(default)s)",
    )


def add_dataset(parser: argparse.ArgumentParser, usual: str) -> None:
    """Add ``DATASET``, ``--splits`` and ``--split``, for `open_chosen`."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="folder or .zip file")
    parser.add_argument(
        "--splits",
        type=Path,
        metavar="CSV",
        help="use only the images of one split of a file with image_id, kind and split",
    )
    parser.add_argument(
        "--split",
        metavar="NAME",
        help=f"which one (default: {usual}); without --splits, a part of the course layout",
    )


def open_chosen(args: argparse.Namespace, usual: str) -> Dataset:
    """Open the data set of `add_dataset` and choose the images that were asked for.

    Raises
    ------
    DatasetError
        When it cannot be opened, or there is no such split.
    """
    dataset = open_dataset(args.dataset)
    if args.splits:
        return dataset.select(read_splits(args.splits), args.split or usual)
    return dataset.in_group(args.split) if args.split else dataset


def load_model(args: argparse.Namespace) -> store.Model:
    """Load the model of `add_model`.

    Raises
    ------
    ModelError
        When it is unknown or damaged.
    """
    if device.may_have_gpu(args.device):
        preload_network_library(args.debug)
    return store.load_model(args.model)


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."
