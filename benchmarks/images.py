"""Images to be timed and scored: the sample that ships, repeated to any size, and DSB2018's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.pipeline.samples import read_sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_nuclei.pipeline.datasets import Item


def mosaic(side_px: int) -> NDArray[Any]:
    """Return the bundled image, repeated and cut to (side_px, side_px)."""
    return repeated(read_sample("dsb2018").image, side_px)


def repeated(pixels: NDArray[Any], side_px: int) -> NDArray[Any]:
    """Return a plane, (Y, X), repeated and cut to (side_px, side_px)."""
    repeats = [-(-side_px // length) for length in pixels.shape]
    return np.tile(pixels, repeats)[:side_px, :side_px]


def real_images(dataset: Path | None, count: int) -> list[NDArray[Any]]:
    """Return images of a data set, evenly spread over it; without one, the bundled image.

    Raises
    ------
    DatasetError
        When the data set cannot be read.
    """
    from napari_nuclei.pipeline.datasets import open_dataset

    if dataset is None:
        return [read_sample("dsb2018").image]
    return [item.read_image() for item in spread(open_dataset(dataset).items, count)]


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """Return so many of the items, evenly spread; all of them where there are fewer."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]
