"""One plane of an image layer, a part of it, or all planes: what to read, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_nuclei.core.axes import AxisReading
    from napari_nuclei.core.regions import Region

_Scalar = TypeVar("_Scalar", bound=np.generic)

# Copied in less than 50 ms, which nobody notices.
_QUICK_BYTES = 20_000_000


class Scope(Enum):
    """Which part of an image is segmented."""

    PLANE = "Current plane"
    ALL = "All planes"
    VIEW = "Field of view"
    SHAPES = "Selected shapes"


@dataclass(frozen=True)
class Planes:
    """One plane of an image layer, a part of it, or all planes, described without reading a pixel.

    A `napari_nuclei.pipeline.planes.PlaneSource`.

    Attributes
    ----------
    data : array
        Of any type that numpy can read, lazy ones too; the last axis holds colours when `rgb`.
    selector : tuple of int and slice
        For each axis of `data` but that of colours, what is taken: the last two slices are rows and
        columns, those before them planes.
    names : tuple of str
        Name of each axis along which there are planes.
    region : Region
        The rows and columns, and the outlines within them.
    rgb : bool
        Whether planes have colours, as the layer says.
    name : str
        Name of the layer.
    place : str
        Which planes of the layer these are, in words; empty for a 2D layer.
    geometry : dict
        Scale, translate and so on of a layer of labels for these planes.
    reading : AxisReading
        How the axes of the layer are read, and which channel this is.
    single_axes : tuple of int
        Where such a layer has an axis of length one, to lie on the image and on no other plane.
    pixel_um : float or None
        Side of a pixel in micrometres; None where nobody knows.
    channels : tuple of Planes
        The same planes in each channel of the image, this one's among them; empty where there is
        only one. They stay those of the layer when these planes are `loaded`.
    """

    data: Any
    selector: tuple[int | slice, ...]
    names: tuple[str, ...]
    region: Region
    rgb: bool
    name: str
    place: str
    geometry: dict[str, Any]
    reading: AxisReading
    single_axes: tuple[int, ...] = ()
    pixel_um: float | None = None
    channels: tuple[Planes, ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """Planes along each axis; empty for one plane."""
        return tuple(self.data.shape[axis] for axis in self._plane_axes)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.region.shape

    def read(self, index: tuple[int, ...] = ()) -> NDArray[Any]:
        """Read a plane, which takes time when it is lazy: a copy, (Y, X) or (Y, X, 3 or 4)."""
        return np.asarray(self.data[self.part(index)]).copy()

    def part(self, index: tuple[int, ...] = ()) -> tuple[int | slice, ...]:
        """Return what of `data` a plane is."""
        place = dict(zip(self._plane_axes, index, strict=True))
        return tuple(place.get(axis, part) for axis, part in enumerate(self.selector))

    def mask(self) -> NDArray[np.bool_] | None:
        """Return which pixels are inside the outlines; None when there are no outlines."""
        return self.region.mask()

    def snapshot(self) -> Planes:
        """Return the planes as later changes of the layer's array do not reach them.

        What is lazy, on disk or huge is not copied here: call `loaded` or `read` in a worker.
        """
        is_quick = type(self.data) is np.ndarray
        is_quick = is_quick and self.data[self.selector].nbytes <= _QUICK_BYTES
        return self.loaded() if is_quick else self

    def loaded(self) -> Planes:
        """Return the planes with all their pixels in memory, a copy of those of the layer."""
        pixels = np.asarray(self.data[self.selector]).copy()
        return replace(self, data=pixels, selector=(slice(None),) * (pixels.ndim - self.rgb))

    def as_layer_data(self, values: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Return labels, or other values, of these planes with the axes of a layer: no copy."""
        return np.expand_dims(values, self.single_axes)

    def from_layer_data(self, data: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Return what `as_layer_data` was given."""
        return np.squeeze(data, self.single_axes)

    @property
    def _plane_axes(self) -> tuple[int, ...]:
        slices = [axis for axis, part in enumerate(self.selector) if isinstance(part, slice)]
        return tuple(slices[:-2])
