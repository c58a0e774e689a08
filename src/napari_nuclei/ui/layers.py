"""napari layers to arrays and back, with the geometry of the image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core import regions
from napari_nuclei.core.axes import AxisReading, read_axes
from napari_nuclei.pipeline.resources import memory_refusal
from napari_nuclei.ui.geometry import layer_geometry
from napari_nuclei.ui.views import region_in_view, region_of_shapes, selected_shapes

if TYPE_CHECKING:
    from napari.components import Dims, ViewerModel
    from napari.layers import Image, Labels
    from napari.viewer import Viewer

    from napari_nuclei.core.regions import Region
    from napari_nuclei.pipeline.segment import Segmentation
    from napari_nuclei.pipeline.stack import StackSegmentation

# Copied in less than 50 ms, which nobody notices.
_QUICK_BYTES = 100_000_000
# Of an image opened without saying that it has colours.
_LIKE_COLOURS = (3, 4)


class Scope(Enum):
    """Which part of an image is segmented."""

    PLANE = "Current plane"
    ALL = "All planes"
    VIEW = "Field of view"
    SHAPES = "Selected shapes"


@dataclass(frozen=True)
class Planes:
    """One plane of an image layer, a part of it, or all planes, described without reading a pixel.

    A `napari_nuclei.pipeline.stack.PlaneSource`.

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
    single_axes : tuple of int
        Where such a layer needs an axis of length one to lie on the image.
    """

    data: Any
    selector: tuple[int | slice, ...]
    names: tuple[str, ...]
    region: Region
    rgb: bool
    name: str
    place: str
    geometry: dict[str, Any]
    single_axes: tuple[int, ...] = ()

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
        place = dict(zip(self._plane_axes, index, strict=True))
        chosen = tuple(place.get(axis, part) for axis, part in enumerate(self.selector))
        return np.asarray(self.data[chosen]).copy()

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

    def as_layer_data(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return labels of these planes with the axes of their layer, without a copy."""
        return np.expand_dims(labels, self.single_axes)

    @property
    def _plane_axes(self) -> tuple[int, ...]:
        slices = [axis for axis, part in enumerate(self.selector) if isinstance(part, slice)]
        return tuple(slices[:-2])


def read_layer(layer: Image) -> AxisReading:
    """Read the axes of a layer as their labels tell, of a multiscale layer at full resolution."""
    return read_axes(_full_data(layer).shape[: layer.ndim], layer.axis_labels, rgb=layer.rgb)


def refusal(viewer: ViewerModel, layer: Image | None, reading: AxisReading, scope: Scope) -> str:
    """Return why the layer cannot be segmented, in plain words; empty if it can."""
    if layer is None:
        return "Open an image first, for example with File > Open Sample > Nuclei."
    return (
        _pixels_refusal(layer, reading)
        or _display_refusal(viewer.dims, layer, reading, scope)
        or _region_refusal(viewer, layer, reading, scope)
    )


def planes_of(viewer: ViewerModel, layer: Image, reading: AxisReading, scope: Scope) -> Planes:
    """Return what is to be segmented of a layer that is not refused."""
    region = _region(viewer, layer, reading, scope) or regions.whole(reading.plane_shape)
    selector: list[int | slice] = [slice(None)] * layer.ndim
    if reading.channel_axis is not None:
        selector[reading.channel_axis] = reading.channel
    for axis, (start, stop) in zip(
        reading.spatial_axes, (region.rows, region.columns), strict=True
    ):
        selector[axis] = slice(start, stop)
    names = tuple(map(reading.title, reading.plane_axes))
    place = reading.in_words()
    if scope is not Scope.ALL:
        position = _position(layer, viewer.dims, reading)
        for axis, at in zip(reading.plane_axes, position, strict=True):
            selector[axis] = at
        names, place = (), reading.place(position)
    geometry, single_axes = _placed(layer, reading, selector)
    return Planes(
        _full_data(layer),
        tuple(selector),
        names,
        region,
        layer.rgb,
        layer.name,
        place,
        geometry,
        single_axes,
    )


def pixel_size_um(layer: Image) -> float | None:
    """Return the side of a pixel in micrometres, as the layer's scale and units tell it.

    Parameters
    ----------
    layer : napari.layers.Image
        Its last two axes count: y and x.

    Returns
    -------
    float or None
        Of pixels that are not square, the side of the square of the same area; None where the units
        are no lengths, such as napari's own default of pixels.
    """
    y, x = layer.units[-2:]
    if not (y.is_compatible_with("um") and x.is_compatible_with("um")):
        return None
    height, width = layer.scale[-2:]
    area_um2 = abs(float((height * y).m_as("um") * (width * x).m_as("um")))
    return sqrt(area_um2) or None


def add_nuclei(
    viewer: Viewer,
    planes: Planes,
    segmentation: Segmentation | StackSegmentation,
    labels: NDArray[np.int32],
) -> Labels:
    """Add labels as a new layer that lies on its image and knows its recipe.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        The one that shows the image.
    planes : Planes
        What was segmented.
    segmentation : Segmentation or StackSegmentation
        What was found there.
    labels : numpy.ndarray
        A copy of the labels that were found, so that painting leaves the result as it was computed.
    """
    return viewer.add_labels(
        planes.as_layer_data(labels),
        name=f"{planes.name} nuclei",
        features=segmentation.table,
        metadata=recipe_metadata(planes, segmentation),
        **planes.geometry,
    )


def recipe_metadata(
    planes: Planes, segmentation: Segmentation | StackSegmentation
) -> dict[str, Any]:
    """Return the layer metadata: how the labels were made and of which image and planes."""
    region = planes.region
    source = {
        "image": planes.name,
        "plane": planes.place,
        "rows": region.rows,
        "columns": region.columns,
        "outlines": [outline.tolist() for outline in region.outlines],
    }
    return {"napari_nuclei": {**segmentation.recipe, **source}}


def _full_data(layer: Image) -> Any:
    return layer.data[0] if layer.multiscale else layer.data


def _pixels_refusal(layer: Image, reading: AxisReading) -> str:
    height, width = reading.plane_shape
    kind = np.dtype(_full_data(layer).dtype)
    if kind.kind not in "buif":
        return f"Images of type {kind} cannot be segmented: convert to integers or floats first."
    if min(reading.shape) == 0:
        return "The image has no pixels."
    if height * width == 1:
        return "The image is a single pixel."
    if not layer.rgb and layer.ndim > 2 and width in _LIKE_COLOURS and height > max(_LIKE_COLOURS):
        return (
            f"Planes of {width} x {height} px look like colours: choose the last axis as channels, "
            "or open the image as RGB."
        )
    return ""


def _display_refusal(dims: Dims, layer: Image, reading: AxisReading, scope: Scope) -> str:
    """Return why the canvas does not tell which plane or which part of it is meant."""
    shown = {axis - dims.ndim + layer.ndim for axis in dims.displayed}
    is_part = scope in (Scope.VIEW, Scope.SHAPES)
    if scope is Scope.ALL or not (is_part or shown.intersection(reading.plane_axes)):
        return ""
    if dims.ndisplay == 3:
        return "3D is not supported here: switch to the 2D view, or choose all planes."
    if shown == set(reading.spatial_axes):
        return ""
    axes = " and ".join(map(reading.title, reading.spatial_axes))
    return f"Only planes of the last two axes can be segmented: show {axes}, or choose all planes."


def _region_refusal(viewer: ViewerModel, layer: Image, reading: AxisReading, scope: Scope) -> str:
    if scope is Scope.SHAPES and selected_shapes(viewer.layers) is None:
        return "Select a rectangle, ellipse or polygon in a Shapes layer."
    region = _region(viewer, layer, reading, scope)
    if region is None:
        return "No pixel of the image is there: move the view or the shape."
    counts = reading.plane_counts if scope is Scope.ALL else ()
    return memory_refusal((*counts, *region.shape))


def _region(viewer: ViewerModel, layer: Image, reading: AxisReading, scope: Scope) -> Region | None:
    if scope is Scope.VIEW:
        return region_in_view(viewer, layer, reading)
    if scope is Scope.SHAPES:
        shapes = selected_shapes(viewer.layers)
        return region_of_shapes(shapes, layer, reading) if shapes else None
    return regions.whole(reading.plane_shape)


def _position(layer: Image, dims: Dims, reading: AxisReading) -> tuple[int, ...]:
    """Return which plane is on screen."""
    position = layer.world_to_data(dims.point[-layer.ndim :])
    return tuple(
        int(np.clip(round(position[axis]), 0, reading.shape[axis] - 1))
        for axis in reading.plane_axes
    )


def _placed(
    layer: Image, reading: AxisReading, selector: list[int | slice]
) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Return the geometry of labels for what is selected, and their axes of length one.

    napari lays layers of fewer axes on the last ones. A channel axis that comes after one that the
    labels have is kept, therefore: as a single pixel as long as all channels.
    """
    first = next(axis for axis, part in enumerate(selector) if isinstance(part, slice))
    origin = np.array([part.start or 0 if isinstance(part, slice) else part for part in selector])
    origin, step = origin.astype(float), np.ones(layer.ndim)
    axis = reading.channel_axis
    if axis is None or axis < first:
        return layer_geometry(layer, layer.ndim - first, origin, step), ()
    step[axis] = reading.shape[axis]
    origin[axis] = (reading.shape[axis] - 1) / 2
    return layer_geometry(layer, layer.ndim - first, origin, step), (axis - first,)
