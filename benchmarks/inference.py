"""One model, used in different ways, scored on the same images: what pays without training again.

    python -m benchmarks.inference DATASET    # all: twenty minutes
    python -m benchmarks.inference DATASET flips tile-256

The images are those of the split ``val``. The table is in docs/experiments.md.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import random_walker

from benchmarks.command import add_model, chosen, exit_status, make_parser
from benchmarks.experiments import kinds_in_figures
from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import nucleus_mask
from napari_nuclei.model import store
from napari_nuclei.pipeline.datasets import open_dataset, read_splits
from napari_nuclei.pipeline.evaluate import evaluate
from napari_nuclei.pipeline.segment import SegmentOptions, finish, relabel, segment

if TYPE_CHECKING:
    import argparse

    from napari_nuclei.pipeline.datasets import Item

Labels = NDArray[np.int32]
Use = Callable[[NDArray[Any], store.Model], Labels]
_MIRRORS = (np.s_[:, :], np.s_[::-1, :], np.s_[:, ::-1], np.s_[::-1, ::-1])
_HEADER = "| name | what differs | all | fluorescence | stained | seconds |"


@dataclass(frozen=True)
class Variant:
    """A way to use the model, in words and as a function of image and model."""

    change: str
    use: Use


def _with(**options: Any) -> Use:
    return lambda image, model: segment(image, model, **options).labels


def _with_diameters(smallest_px: float, largest_px: float) -> Use:
    def use(image: NDArray[Any], model: store.Model) -> Labels:
        diameters = DiameterRange(smallest_px, largest_px)
        other = replace(model, manifest=replace(model.manifest, diameters=diameters))
        return segment(image, other).labels

    return use


def _mirrored(image: NDArray[Any], model: store.Model) -> Labels:
    """Average the maps of the image and its three mirror images, of one diameter."""
    found = segment(image, model)
    options = SegmentOptions(diameter_px=found.diameter_px)
    maps = [
        segment(image[mirror], model, diameter_px=found.diameter_px).maps[mirror]
        for mirror in _MIRRORS
    ]
    mean: NDArray[np.float32] = np.mean(maps, axis=0, dtype=np.float32)
    return finish(mean, model, options).labels


def _connected(image: NDArray[Any], model: store.Model) -> Labels:
    found = segment(image, model)
    labels: Labels = ndimage.label(nucleus_mask(found.maps, model.thresholds.probability))[0]
    return labels


def _walked(image: NDArray[Any], model: store.Model) -> Labels:
    """Part nuclei by a random walk from the same markers instead of by flooding."""

    def walk(height: NDArray[Any], markers: NDArray[Any], mask: NDArray[np.bool_]) -> Labels:
        if not mask.any():
            return markers
        # By default it is so inexact that it warns of probabilities outside of 0 to 1.
        labels: Labels = random_walker(height, np.where(mask, markers, -1), mode="cg_j", tol=1e-6)
        # It numbers markers anew, without the gaps that nuclei outside the mask leave.
        numbers = np.unique(markers[mask & (markers > 0)])
        return np.append(0, numbers).astype(np.int32)[np.maximum(labels, 0)]

    # Of the same maps: the diameter would be estimated by walking, too.
    found = segment(image, model)
    with patch("skimage.segmentation.watershed", walk):
        return relabel(found, SegmentOptions(), model).labels


VARIANTS = {
    "shipped": Variant("as it ships", _with()),
    "native": Variant("images at their own scale", _with(diameter_px=None)),
    "diameters-24-48": Variant("nuclei shown at 24 to 48 px", _with_diameters(24, 48)),
    "diameters-28-40": Variant("nuclei shown at 28 to 40 px", _with_diameters(28, 40)),
    "diameters-36-64": Variant("nuclei shown at 36 to 64 px", _with_diameters(36, 64)),
    "halo-0": Variant("tiles without overlap", _with(halo_px=0)),
    "halo-32": Variant("tiles overlap by 32 px on each side, not 16", _with(halo_px=32)),
    "tile-256": Variant("tiles of 256 px, overlap 32 px", _with(tile_px=256, halo_px=32)),
    "flips": Variant("mean of four mirror images", _mirrored),
    "connected": Variant("connected parts of the mask are the nuclei", _connected),
    "walker": Variant("random walker instead of watershed", _walked),
    "separation-0.2": Variant("nuclei parted less readily", _with(separation=0.2)),
    "separation-0.4": Variant("nuclei parted more readily", _with(separation=0.4)),
    "probability-0.4": Variant("nuclei a little larger", _with(probability=0.4)),
    "probability-0.6": Variant("nuclei a little smaller", _with(probability=0.6)),
    "min-area-0": Variant("no nucleus is too small", _with(min_area_px=0)),
    "min-area-50": Variant("nuclei under 50 px are dropped", _with(min_area_px=50)),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Score the variants that were asked for and print a row for each."""
    parser = make_parser("inference", __doc__, VARIANTS)
    add_model(parser)
    args = parser.parse_intermixed_args(arguments)
    return exit_status(lambda: _score_all(args))


def _score_all(args: argparse.Namespace) -> None:
    names = chosen(args.names, VARIANTS)
    model = store.load_model(args.model)
    items = open_dataset(args.dataset).select(read_splits(args.splits), "val").items
    print(_HEADER)
    print("|---|---|---|---|---|---|")
    for name in names:
        print(_row(name, items, model), flush=True)


def _row(name: str, items: Sequence[Item], model: store.Model) -> str:
    variant = VARIANTS[name]
    started = time.monotonic()
    report = evaluate(items, lambda image: variant.use(image, model))
    seconds = time.monotonic() - started
    return f"| {name} | {variant.change} | {kinds_in_figures(report)} | {seconds:.0f} |"


if __name__ == "__main__":
    sys.exit(main())
