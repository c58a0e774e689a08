"""Score images of tissue in colours that nobody trained on: what carries over to other stains.

    python -m benchmarks.colours DATASET    # all of them
    python -m benchmarks.colours DATASET grey faint

The images are the stained and brightfield ones of the split ``train`` that the shipped model's
training held out, and every fourth stained one of those that it saw. The table is in
docs/experiments.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from skimage.color import hsv2rgb, rgb2hsv

from benchmarks.command import add_model, chosen, exit_status, make_parser
from benchmarks.experiments import held_out, in_figures
from napari_nuclei.model import store
from napari_nuclei.pipeline.datasets import Dataset, open_dataset, read_splits
from napari_nuclei.pipeline.evaluate import evaluate
from napari_nuclei.pipeline.segment import segment

if TYPE_CHECKING:
    import argparse

    from napari_nuclei.pipeline.datasets import Item

Rgb = NDArray[np.uint8]
_FAINT_CONTRAST = 0.4
_SEEN_STEP = 4


def exchanged(image: Rgb, order: Sequence[int]) -> Rgb:
    """Return the channels in another order."""
    return image[..., list(order)]


def turned(image: Rgb, share: float) -> Rgb:
    """Return all hues turned by a share of the circle."""
    hsv = rgb2hsv(image)
    hsv[..., 0] = (hsv[..., 0] + share) % 1
    return np.asarray(np.round(hsv2rgb(hsv) * 255), np.uint8)


def grey(image: Rgb) -> Rgb:
    """Return the mean of the channels in each of them."""
    mean = image.mean(axis=-1, keepdims=True).round().astype(np.uint8)
    return np.repeat(mean, 3, axis=-1)


def faint(image: Rgb) -> Rgb:
    """Return what is darker than white at two fifths of its strength."""
    return np.asarray(np.round(255 - (255 - image.astype(float)) * _FAINT_CONTRAST), np.uint8)


CHANGES: dict[str, Callable[[Rgb], Rgb]] = {
    "as-they-are": lambda image: image,
    "red-green": lambda image: exchanged(image, (1, 0, 2)),
    "red-blue": lambda image: exchanged(image, (2, 1, 0)),
    "hue-third": lambda image: turned(image, 1 / 3),
    "hue-two-thirds": lambda image: turned(image, 2 / 3),
    "grey": grey,
    "faint": faint,
}


@dataclass(frozen=True)
class Recoloured:
    """An image of a data set in other colours."""

    item: Item
    change: Callable[[Rgb], Rgb]

    @property
    def id(self) -> str:
        """Name of the image."""
        return self.item.id

    @property
    def kind(self) -> str:
        """What sort of image it is."""
        return self.item.kind

    def read_image(self) -> NDArray[Any]:
        """Return the pixels, shape (Y, X, 3), uint8."""
        return self.change(self.item.read_image())

    def read_labels(self) -> NDArray[np.int32]:
        """Return the true labels, shape (Y, X)."""
        return self.item.read_labels()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for every change of colours that was asked for."""
    parser = make_parser("colours", __doc__, CHANGES)
    add_model(parser)
    args = parser.parse_intermixed_args(arguments)
    return exit_status(lambda: _score_all(args))


def _score_all(args: argparse.Namespace) -> None:
    names = chosen(args.names, CHANGES)
    model = store.load_model(args.model)
    training = open_dataset(args.dataset).select(read_splits(args.splits), "train")
    items = tissue(training)
    print(f"| colours | AP50 / mean AP / Dice of {len(items)} images |")
    print("|---|---|")
    for name in names:
        recoloured = [Recoloured(item, CHANGES[name]) for item in items]
        report = evaluate(recoloured, lambda image: segment(image, model).labels)
        print(f"| {name} | {in_figures(report.overall)} |", flush=True)


def tissue(training: Dataset) -> list[Item]:
    """Return the images in colour that were held out, and every fourth stained one of the rest."""
    unseen = held_out(training).items
    known = {item.id for item in unseen}
    seen = [item for item in training.items if item.kind == "stained" and item.id not in known]
    return [item for item in unseen if item.kind != "fluorescence"] + seen[::_SEEN_STEP]


if __name__ == "__main__":
    sys.exit(main())
