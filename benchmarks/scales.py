"""Score images that were enlarged or reduced: what the estimated diameter is worth.

    python -m benchmarks.scales DATASET

The images of the split ``val`` are resized with their labels. Scored are those whose nuclei then
measure 8 to 150 px, beside the same images in their own size.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from skimage.transform import resize

from benchmarks.command import add_model, exit_status, make_parser
from napari_nuclei.core.augment import resize_nearest
from napari_nuclei.core.diameter import median_diameter_px
from napari_nuclei.core.metrics import score
from napari_nuclei.core.resampling import scaled_shape
from napari_nuclei.model import store
from napari_nuclei.pipeline.datasets import open_dataset, read_splits
from napari_nuclei.pipeline.segment import segment

if TYPE_CHECKING:
    import argparse

    from napari_nuclei.pipeline.datasets import Item

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
SMALLEST_PX, LARGEST_PX = 8, 150
_HEADER = "| enlarged | images | own size | AP50 | without the diameter | estimate / truth |"


@dataclass(frozen=True)
class Outcome:
    """How an image fared at one size.

    Attributes
    ----------
    id : str
    automatic, as_it_is : float
        AP at IoU 0.5 with the estimated diameter, and with the image taken as it is.
    ratio : float
        The estimated over the true diameter; NaN where nothing was estimated.
    """

    id: str
    automatic: float
    as_it_is: float
    ratio: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for every factor."""
    parser = make_parser("scales", __doc__)
    add_model(parser)
    args = parser.parse_args(arguments)
    return exit_status(lambda: _score_all(args))


def _score_all(args: argparse.Namespace) -> None:
    model = store.load_model(args.model)
    items = open_dataset(args.dataset).select(read_splits(args.splits), "val").items
    own = {outcome.id: outcome for outcome in _outcomes(items, 1.0, model)}
    print(_HEADER)
    print("|---|---|---|---|---|---|")
    for factor in FACTORS:
        outcomes = own.values() if factor == 1 else _outcomes(items, factor, model)
        print(_row(factor, list(outcomes), own), flush=True)


def _outcomes(items: Sequence[Item], factor: float, model: store.Model) -> Iterable[Outcome]:
    for item in items:
        truth = item.read_labels()
        diameter_px = factor * (median_diameter_px(truth) or 0)
        if factor == 1 or SMALLEST_PX <= diameter_px <= LARGEST_PX:
            image, labels = _resized(item.read_image(), truth, factor)
            yield _outcome(item.id, image, labels, model)


def _outcome(
    identity: str, image: NDArray[Any], truth: NDArray[np.int32], model: store.Model
) -> Outcome:
    automatic = segment(image, model)
    as_it_is = segment(image, model, diameter_px=None)
    true_px, estimate_px = median_diameter_px(truth), automatic.diameter_px
    ratio = estimate_px / true_px if true_px and estimate_px else np.nan
    ap50, ap50_as_it_is = (score(truth, found.labels).ap50 for found in (automatic, as_it_is))
    return Outcome(identity, ap50, ap50_as_it_is, ratio)


def _resized(
    image: NDArray[Any], labels: NDArray[np.int32], factor: float
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    if factor == 1:
        return image, labels
    rows, columns = labels.shape
    shape = scaled_shape((rows, columns), factor)
    pixels = resize(image, shape, order=1, preserve_range=True, anti_aliasing=factor < 1)
    return np.round(pixels).astype(image.dtype), resize_nearest(labels, shape)


def _row(factor: float, outcomes: Sequence[Outcome], own: dict[str, Outcome]) -> str:
    own_size = np.mean([own[outcome.id].automatic for outcome in outcomes])
    automatic = np.mean([outcome.automatic for outcome in outcomes])
    as_it_is = np.mean([outcome.as_it_is for outcome in outcomes])
    ratios = np.nanpercentile([outcome.ratio for outcome in outcomes], (10, 50, 90))
    spread = " / ".join(f"{ratio:.2f}" for ratio in ratios)
    shares = f"{own_size:.3f} | {automatic:.3f} | {as_it_is:.3f}"
    return f"| {factor:g}x | {len(outcomes)} | {shares} | {spread} |"


if __name__ == "__main__":
    sys.exit(main())
