"""Put true maps in the place of predicted ones: which map is to blame for what is lost.

    python -m benchmarks.true_maps DATASET

Scored are the images of the split ``train`` that the shipped model's training held out, with their
true diameters. The table is in docs/experiments.md.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from numpy.typing import NDArray

from benchmarks.command import add_model, exit_status, make_parser
from benchmarks.experiments import held_out, in_figures
from napari_nuclei.core.augment import resize_nearest
from napari_nuclei.core.diameter import median_diameter_px
from napari_nuclei.core.instances import BORDER, DISTANCE, NUCLEUS
from napari_nuclei.core.metrics import Scores, mean_scores, score
from napari_nuclei.core.resampling import resize, scaled_shape
from napari_nuclei.core.targets import make_targets
from napari_nuclei.model import store
from napari_nuclei.pipeline.datasets import open_dataset, read_splits
from napari_nuclei.pipeline.segment import SegmentOptions, finish, segment

if TYPE_CHECKING:
    import argparse

    import numpy as np

    from napari_nuclei.pipeline.datasets import Item

MIXTURES = {
    "none": (),
    "border": (BORDER,),
    "distance": (DISTANCE,),
    "border and distance": (BORDER, DISTANCE),
    "nucleus": (NUCLEUS,),
    "all": (NUCLEUS, BORDER, DISTANCE),
}
"""Which maps are the true ones."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for every mixture of true and predicted maps."""
    parser = make_parser("true_maps", __doc__)
    add_model(parser)
    args = parser.parse_args(arguments)
    return exit_status(lambda: _score_all(args))


def _score_all(args: argparse.Namespace) -> None:
    model = store.load_model(args.model)
    training = open_dataset(args.dataset).select(read_splits(args.splits), "train")
    scores = [_score_item(item, model) for item in held_out(training).items]
    print("| true maps | AP50 / mean AP / Dice |")
    print("|---|---|")
    for name in MIXTURES:
        print(f"| {name} | {in_figures(mean_scores([each[name] for each in scores]))} |")


def _score_item(item: Item, model: store.Model) -> dict[str, Scores]:
    """Return the scores of an image with each of the mixtures."""
    labels = item.read_labels()
    diameter_px = median_diameter_px(labels)
    options = SegmentOptions(diameter_px=diameter_px)
    predicted = segment(item.read_image(), model, diameter_px=diameter_px).maps
    true = true_maps(labels, model.diameters.enlargement(diameter_px))
    return {
        name: score(labels, finish(mixed(predicted, true, channels), model, options).labels)
        for name, channels in MIXTURES.items()
    }


def mixed(
    predicted: NDArray[np.float32], true: NDArray[np.float32], channels: Sequence[int]
) -> NDArray[np.float32]:
    """Return predicted maps, shape (Y, X, 3), with some channels of the true ones."""
    maps = predicted.copy()
    maps[..., channels] = true[..., channels]
    return maps


def true_maps(labels: NDArray[np.int32], enlargement: float) -> NDArray[np.float32]:
    """Return the maps a perfect network would give.

    Parameters
    ----------
    labels : numpy.ndarray
        Shape (Y, X), int32.
    enlargement : float
        The size in which the network is shown the image, relative to its own.

    Returns
    -------
    numpy.ndarray
        Shape (Y, X, 3), float32, in [0, 1].
    """
    rows, columns = labels.shape
    seen = resize_nearest(labels, scaled_shape((rows, columns), enlargement))
    return resize(make_targets(seen)[..., :3], (rows, columns))


if __name__ == "__main__":
    sys.exit(main())
