"""``napari-nuclei evaluate``: how well a model finds nuclei that are known."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_nuclei import files
from napari_nuclei.cli.arguments import (
    Commands,
    add_command,
    add_dataset,
    add_model,
    load_model,
    open_chosen,
)
from napari_nuclei.cli.diameter import add_diameter, read_diameter_px
from napari_nuclei.pipeline.evaluate import (
    ImageScores,
    Report,
    evaluate,
    format_table,
    save_figures,
)
from napari_nuclei.pipeline.segment import segment

if TYPE_CHECKING:
    import argparse

    import numpy as np

    from napari_nuclei.model.store import Model

_SPLIT = "val"
_STANDARD_OUTPUT = "-"


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "evaluate", run, "score a model on images whose nuclei are known"
    )
    add_dataset(parser, _SPLIT)
    add_model(parser)
    add_diameter(parser)
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="also write all figures, each image's, too; - prints them instead of the table",
    )
    parser.add_argument(
        "--figures",
        type=Path,
        metavar="DIR",
        help="also draw the best and the worst images: image, truth, prediction",
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate, with the progress on the standard error."""
    items = open_chosen(args, _SPLIT).items
    diameter_px = read_diameter_px(args)
    model = load_model(args)

    def segmenter(image: NDArray[Any]) -> NDArray[np.int32]:
        return segment(image, model, diameter_px=diameter_px, device=args.device).labels

    report = evaluate(items, segmenter, _Progress(len(items)))
    # First what nothing can stop, last what takes longest.
    if args.json != _STANDARD_OUTPUT:
        print(format_table(report), flush=True)
    if args.json:
        _write_json(report, model, args.json)
    if args.figures:
        save_figures(report, items, segmenter, args.figures)
    return 0


class _Progress:
    """Prints a line for every image that is done."""

    def __init__(self, total: int) -> None:
        self._done = 0
        self._total = total

    def __call__(self, image: ImageScores) -> None:
        self._done += 1
        line = f"{self._done}/{self._total}  mean AP {image.scores.mean_ap:.2f}  {image.id}"
        print(line, file=sys.stderr, flush=True)


def _write_json(report: Report, model: Model, target: str) -> None:
    content = {"model": {"name": model.name, "sha256": model.sha256}, **report.to_json()}
    text = json.dumps(content, indent=1, allow_nan=False)
    if target == _STANDARD_OUTPUT:
        print(text)
    else:
        files.write_text(Path(target), f"{text}\n")
