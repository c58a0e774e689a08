"""A result in the viewer, as the results panel needs it: what was found, where, and of what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_nuclei.core.measure import RGB_CHANNELS, Table, measure
from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.reading import read_shape
from napari_nuclei.pipeline.reproduce import ImageSource

if TYPE_CHECKING:
    from napari.layers import Image, Labels

    from napari_nuclei.ui.live_thresholds import Result
    from napari_nuclei.ui.planes import Planes

_TIFF_SUFFIXES = {".tif", ".tiff"}


@dataclass(frozen=True)
class Found:
    """A layer of labels, and what is known of it.

    Attributes
    ----------
    layer : napari.layers.Labels
        The labels as they are now, edited perhaps; the recipe is in its metadata.
    image : napari.layers.Image
        What was segmented.
    planes : Planes
        Its pixels, and where they lie.
    probability : numpy.ndarray or None
        Shape of the planes, float32; None where it took too much memory to keep.
    source : ImageSource
        Where the pixels come from.
    """

    layer: Labels
    image: Image
    planes: Planes
    probability: NDArray[np.float32] | None
    source: ImageSource

    @property
    def recipe(self) -> dict[str, Any]:
        """How the labels were made."""
        recipe: dict[str, Any] = self.layer.metadata["napari_nuclei"]
        return recipe

    def measured(self) -> Table:
        """Return the table of the labels as they are now, which takes time."""
        return measure(
            self.planes.from_layer_data(self.layer.data),
            self.probability,
            _Pixels(self.planes),  # type: ignore[arg-type]  # an array as far as is needed
            channels=[str(number) for number, _ in enumerate(self.planes.channels, 1)],
            axes=self.planes.names,
            pixel_um=self.planes.pixel_um,
        )


class _Pixels:
    """The pixels of planes in all channels, without alpha, each plane read when it is needed."""

    def __init__(self, planes: Planes) -> None:
        self._planes = planes
        channels = len(RGB_CHANNELS) if planes.rgb else len(planes.channels)
        self.shape = (*planes.counts, *planes.shape) + ((channels,) if channels else ())
        self.ndim = len(self.shape)

    def __getitem__(self, index: tuple[int, ...]) -> NDArray[Any]:
        if self._planes.channels:
            return np.stack([channel.read(index) for channel in self._planes.channels], axis=-1)
        pixels = self._planes.read(index)
        return pixels[..., : len(RGB_CHANNELS)] if self._planes.rgb else pixels


def found_of(result: Result, source: ImageSource) -> Found:
    """Return a result of the Segment widget as the results panel needs it."""
    return Found(result.layer, result.image, result.planes, result.probability, source)


def source_of(image: Image, planes: Planes) -> ImageSource:
    """Return where the pixels of planes, before their snapshot, come from."""
    path = Path(image.source.path) if image.source.path else None
    is_the_layer = path is not None and not image.multiscale and _has_shape(path, image)
    return ImageSource(
        image.name,
        path if is_the_layer else None,
        _shortest_index(planes),
        planes.rgb,
        planes.names,
        planes.region if planes.region.outlines else None,
        image.multiscale,
    )


def _shortest_index(planes: Planes) -> tuple[int | slice, ...]:
    """Return the selector without the ends of axes that are taken whole."""
    index = [
        slice(None) if part == slice(0, length) else part
        for part, length in zip(planes.selector, planes.data.shape, strict=False)
    ]
    while index and index[-1] == slice(None):
        index.pop()
    return tuple(index)


def _has_shape(path: Path, image: Image) -> bool:
    """Tell whether the file has the layer's pixels, as far as its header says."""
    shape = tuple(image.data.shape)
    try:
        if image.ndim == 2:
            return read_shape(path) == shape[:2]
        return path.suffix.lower() in _TIFF_SUFFIXES and _tiff_shape(path) == shape
    except (DatasetError, OSError, ValueError):
        return False


def _tiff_shape(path: Path) -> tuple[int, ...]:
    with tifffile.TiffFile(path) as tiff:
        return tuple(tiff.series[0].shape)
