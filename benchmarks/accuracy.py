"""Score our model and StarDist on the same images with the same code.

Run by ``make bench-accuracy``. StarDist is trained first, on the images of the split ``train``; a
tenth of them is held out to choose its best epoch and its thresholds. Stop it whenever you like:
the next run goes on from the last epoch that ended.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from benchmarks import stardist2d
from benchmarks.command import add_model, exit_status, make_parser
from benchmarks.comparison import Result, Rival, format_comparison, score_rival, to_json
from napari_nuclei import files
from napari_nuclei.model import store
from napari_nuclei.pipeline.datasets import open_dataset, read_splits, split_by_image
from napari_nuclei.pipeline.segment import segment

if TYPE_CHECKING:
    import argparse

    import numpy as np

    from napari_nuclei.pipeline.evaluate import ImageScores

HELD_OUT = 0.1
EPOCHS = 40
OUT = Path("runs", "bench-accuracy")
PACKAGES = ("napari-nuclei", "stardist", "csbdeep", "tensorflow", "keras", "numpy")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what has to be trained, score both, print the table and write the figures."""
    args = _parser().parse_args(arguments)
    return exit_status(lambda: _score_both(args))


def _score_both(args: argparse.Namespace) -> None:
    results = _compare(args)
    print(format_comparison(results))
    path = args.out / "accuracy.json"
    files.write_text(path, json.dumps(_record(results), indent=1) + "\n")
    print(f"all figures: {path}")


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("accuracy", __doc__)
    add_model(parser)
    parser.add_argument(
        "--epochs",
        type=int,
        default=EPOCHS,
        metavar="N",
        help=f"train StarDist for N times {stardist2d.STEPS_PER_EPOCH} steps (default: {EPOCHS})",
    )
    parser.add_argument(
        "--pretrained",
        action="store_true",
        help="take the weights of StarDist's authors, downloaded from GitHub, instead of training",
    )
    parser.add_argument(
        "-o", "--out", type=Path, default=OUT, help=f"for training and figures (default: {OUT})"
    )
    return parser


def _compare(args: argparse.Namespace) -> list[Result]:
    dataset, splits = open_dataset(args.dataset), read_splits(args.splits)
    images = dataset.select(splits, "val").items
    if args.pretrained:
        stardist = stardist2d.pretrained()
    else:
        train, held_out = split_by_image(dataset.select(splits, "train"), HELD_OUT, stardist2d.SEED)
        folder = args.out / f"stardist-{args.epochs}-epochs"
        stardist = stardist2d.trained(folder, train.items, held_out.items, args.epochs)
    rivals = (_ours(args.model), stardist)
    return [score_rival(rival, images, _announcer(rival)) for rival in rivals]


def _ours(name: str | None) -> Rival:
    model = store.load_model(name)

    def segmenter(image: NDArray[Any]) -> NDArray[np.int32]:
        return segment(image, model).labels

    about = {"model": model.name, "sha256": model.sha256}
    return Rival(f"napari-nuclei, {model.name}", segmenter, about)


def _announcer(rival: Rival) -> Callable[[ImageScores], None]:
    def announce(image: ImageScores) -> None:
        line = f"{rival.name}: mean AP {image.scores.mean_ap:.2f}  {image.id}"
        print(line, file=sys.stderr, flush=True)

    return announce


def _record(results: Sequence[Result]) -> dict[str, Any]:
    return {
        "command": shlex.join(["python", "-m", "benchmarks.accuracy", *sys.argv[1:]]),
        "versions": {name: version(name) for name in PACKAGES},
        "results": to_json(results),
    }


if __name__ == "__main__":
    sys.exit(main())
