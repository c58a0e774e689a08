"""A result in the viewer, as the results panel needs it: what was found, where, and of what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tifffile
from numpy.typing import NDArray

from napari_nuclei.core.measure import Table, measure
from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.reading import read_shape
from napari_nuclei.pipeline.reproduce import ImageSource
from napari_nuclei.ui.layers import pixel_size_um

if TYPE_CHECKING:
    import numpy as np
    from napari.layers import Image, Labels

    from napari_nuclei.ui.layers import Plane
    from napari_nuclei.ui.live_thresholds import Result

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
    read_pixels : callable
        Returns the segmented pixels, shape of the labels or with channels at the end; takes time.
    probability : numpy.ndarray or None
        Shape of the labels, float32.
    geometry : dict
        Scale, translate and so on of a layer that lies on the labels.
    source : ImageSource
        Where the pixels come from.
    axes : tuple of str
        Names of the axes before the last two of the labels.
    """

    layer: Labels
    image: Image
    read_pixels: Callable[[], NDArray[Any]]
    probability: NDArray[np.float32] | None
    geometry: dict[str, Any]
    source: ImageSource
    axes: tuple[str, ...] = ()

    @property
    def recipe(self) -> dict[str, Any]:
        """How the labels were made."""
        recipe: dict[str, Any] = self.layer.metadata["napari_nuclei"]
        return recipe

    def measured(self) -> Table:
        """Return the table of the labels as they are now, which takes time."""
        return measure(
            self.layer.data,
            self.probability,
            self.read_pixels(),
            axes=self.axes,
            pixel_um=pixel_size_um(self.layer),
        )


def found_of(result: Result, source: ImageSource) -> Found:
    """Return a result of the Segment widget as the results panel needs it."""
    plane = result.plane
    return Found(
        result.layer,
        result.image,
        lambda: _without_alpha(plane),
        result.segmentation.probability,
        plane.geometry,
        source,
    )


def source_of(image: Image, plane: Plane) -> ImageSource:
    """Return where the pixels of a plane, before its snapshot, come from."""
    path = Path(image.source.path) if image.source.path else None
    is_the_layer = path is not None and not image.multiscale and _has_shape(path, image)
    return ImageSource(image.name, path if is_the_layer else None, plane.index, plane.rgb)


def _without_alpha(plane: Plane) -> NDArray[Any]:
    pixels = plane.pixels()
    return pixels[..., :3] if plane.rgb else pixels


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
