"""A result in the viewer, as the results panel needs it: what was found, where, and of what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core.measure import (
    RGB_CHANNELS,
    Table,
    in_micrometres,
    largest_sections,
    measure,
)
from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.planes import Index, sampled_planes
from napari_nuclei.pipeline.reading import has_parts
from napari_nuclei.pipeline.reproduce import ImageSource

if TYPE_CHECKING:
    from napari.layers import Image, Labels

    from napari_nuclei.ui.live_thresholds import Result
    from napari_nuclei.ui.planes import Planes


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

    def labels(self) -> NDArray[Any]:
        """Return the labels as they are now, shape of the planes: no copy.

        Raises
        ------
        InputError
            When others of another shape were put into the layer.
        """
        planes, data = self.planes, self.layer.data
        expected = np.broadcast_to(0, (*planes.counts, *planes.shape))
        if np.shape(data) != planes.as_layer_data(expected).shape:
            raise InputError(
                f"The labels of {self.layer.name} have another shape than what was segmented: they "
                "are not measured any more; run the segmentation again."
            )
        return planes.from_layer_data(data)

    def measured(self) -> Table:
        """Return the table of the labels as they are now, which takes time."""
        labels = self.labels()
        indices = list(np.ndindex(self.planes.counts))
        return self.joined({index: self.measured_plane(index, labels[index]) for index in indices})

    def measured_plane(self, index: Index, labels: NDArray[Any]) -> Table:
        """Return the table of the labels of a plane, in pixels; its image is read."""
        return measure(
            labels,
            None if self.probability is None else self.probability[index],
            _pixels(self.planes, index),
            channels=[str(number) for number, _ in enumerate(self.planes.channels, 1)],
        )

    def joined(self, tables: dict[Index, Table]) -> Table:
        """Return the table of all planes, in micrometres where the image knows them."""
        planes = self.planes
        stack = (list(tables.values()), list(tables), planes.names)
        table = largest_sections(*stack) if planes.counts else tables[()]
        return table if planes.pixel_um is None else in_micrometres(table, planes.pixel_um)


def _pixels(planes: Planes, index: Index) -> NDArray[Any]:
    """Read a plane in all channels, without alpha."""
    if planes.channels:
        return np.stack([channel.read(index) for channel in planes.channels], axis=-1)
    pixels = planes.read(index)
    return pixels[..., : len(RGB_CHANNELS)] if planes.rgb else pixels


def found_of(result: Result, source: ImageSource) -> Found:
    """Return a result of the Segment widget as the results panel needs it."""
    return Found(result.layer, result.image, result.planes, result.probability, source)


def source_of(image: Image, planes: Planes) -> ImageSource:
    """Return where the pixels of planes seem to come from, before their snapshot."""
    path = Path(image.source.path) if image.source.path else None
    return ImageSource(
        image.name,
        None if image.multiscale else path,
        _shortest_index(planes),
        planes.rgb,
        planes.names,
        planes.region if planes.region.outlines else None,
        image.multiscale,
    )


def confirmed(source: ImageSource, planes: Planes, pixels: Planes) -> ImageSource:
    """Return the source, without its file where other pixels were segmented; this takes time.

    Somebody may have put another array into the layer, or napari reads the file in another way.

    Parameters
    ----------
    source, planes
        As `source_of` returned it for these planes.
    pixels : Planes
        Their snapshot.
    """
    if source.path is None:
        return source
    parts = [(planes.part(index), pixels.read(index)) for index in sampled_planes(pixels.counts)]
    is_flat = source.has_flat_file
    is_there = has_parts(source.path, planes.data.shape, parts, is_flat=is_flat)
    return source if is_there else replace(source, path=None)


def _shortest_index(planes: Planes) -> tuple[int | slice, ...]:
    """Return the selector without the ends of axes that are taken whole."""
    index = [
        slice(None) if part == slice(0, length) else part
        for part, length in zip(planes.selector, planes.data.shape, strict=False)
    ]
    while index and index[-1] == slice(None):
        index.pop()
    return tuple(index)
