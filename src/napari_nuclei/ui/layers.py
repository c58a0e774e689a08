"""napari layers to arrays and back, with the geometry of the image."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core import regions
from napari_nuclei.core.axes import AxisReading, read_axes
from napari_nuclei.ui.geometry import layer_geometry, world_to_pixels
from napari_nuclei.ui.names import nuclei_name
from napari_nuclei.ui.planes import Planes, Scope
from napari_nuclei.ui.views import region_in_view, region_of_shapes, selected_shapes

if TYPE_CHECKING:
    from napari.components import Dims, ViewerModel
    from napari.layers import Image, Labels
    from napari.viewer import Viewer
    from numpy.typing import ArrayLike

    from napari_nuclei.core.regions import Region
    from napari_nuclei.pipeline.blocks import BlockSegmentation
    from napari_nuclei.pipeline.segment import Segmentation
    from napari_nuclei.pipeline.stack import StackSegmentation


def read_layer(layer: Image) -> AxisReading:
    """Read the axes of a layer as their labels tell, of a multiscale layer at full resolution."""
    return read_axes(full_data(layer).shape[: layer.ndim], layer.axis_labels, rgb=layer.rgb)


def planes_of(viewer: ViewerModel, layer: Image, reading: AxisReading, scope: Scope) -> Planes:
    """Return what is to be segmented of a layer that is not refused."""
    region = region_of(viewer, layer, reading, scope) or regions.whole(reading.plane_shape)
    dims = viewer.dims
    position = None if scope is Scope.ALL else plane_at(layer, reading, dims.point, dims)
    return planes_in(layer, reading, region, position)


def plane_at(layer: Image, reading: AxisReading, point: ArrayLike, dims: Dims) -> tuple[int, ...]:
    """Return which plane is at a point of the viewer's world, or else the nearest one."""
    (position,) = world_to_pixels(layer, np.atleast_2d(point), dims.units)
    return tuple(
        int(np.clip(round(position[axis]), 0, reading.shape[axis] - 1))
        for axis in reading.plane_axes
    )


def planes_in(
    layer: Image, reading: AxisReading, region: Region, position: tuple[int, ...] | None
) -> Planes:
    """Return a region of one plane, or of all planes where `position` is None."""
    selector: list[int | slice] = [slice(None)] * layer.ndim
    if reading.channel_axis is not None:
        selector[reading.channel_axis] = reading.channel
    for axis, (start, stop) in zip(
        reading.spatial_axes, (region.rows, region.columns), strict=True
    ):
        selector[axis] = slice(start, stop)
    names = tuple(reading.names[axis] or f"axis_{axis}" for axis in reading.plane_axes)
    place = reading.in_words()
    if position is not None:
        for axis, at in zip(reading.plane_axes, position, strict=True):
            selector[axis] = at
        names, place = (), reading.place(position)
    geometry, single_axes = _placed(layer, reading, selector)
    planes = Planes(
        full_data(layer),
        tuple(selector),
        names,
        region,
        layer.rgb,
        layer.name,
        place,
        geometry,
        reading,
        single_axes,
        pixel_size_um(layer, reading.spatial_axes),
    )
    return replace(planes, channels=_channels(planes))


def region_of(
    viewer: ViewerModel, layer: Image, reading: AxisReading, scope: Scope
) -> Region | None:
    """Return the part of a plane that is meant; None when no pixel is."""
    if scope is Scope.VIEW:
        return region_in_view(viewer, layer, reading)
    if scope is Scope.SHAPES:
        shapes = selected_shapes(viewer.layers)
        return region_of_shapes(shapes, layer, reading, viewer.dims.units) if shapes else None
    return regions.whole(reading.plane_shape)


def pixel_size_um(layer: Image, axes: tuple[int, int] = (-2, -1)) -> float | None:
    """Return the side of a pixel in micrometres, as the layer's scale and units tell it.

    Parameters
    ----------
    layer : napari.layers.Image
        Its scale and units count.
    axes : tuple of int
        Those of height and width; by default the last two.

    Returns
    -------
    float or None
        Of pixels that are not square, the side of the square of the same area; None where the units
        are no lengths, such as napari's own default of pixels.
    """
    y, x = (layer.units[axis] for axis in axes)
    if not (y.is_compatible_with("um") and x.is_compatible_with("um")):
        return None
    height, width = (layer.scale[axis] for axis in axes)
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
    # What opening the widget need not wait for.
    from napari_nuclei.ui.corrections import corrections_of, refusal_of

    layer = viewer.add_labels(
        planes.as_layer_data(labels),
        name=nuclei_name(planes.name),
        metadata=recipe_metadata(planes, segmentation),
        **planes.geometry,
    )
    # Afterwards: a new layer with features is more than napari's status bar can take in 3D.
    layer.features = segmentation.table
    if not refusal_of(layer.data):
        # What is painted counts from now on, whichever widget is opened later.
        corrections_of(layer)
    return layer


def recipe_metadata(
    planes: Planes, segmentation: Segmentation | StackSegmentation | BlockSegmentation
) -> dict[str, Any]:
    """Return the layer metadata: how the labels were made and of which image and planes."""
    region = planes.region
    source = {
        "image": planes.name,
        "plane": planes.place,
        "layer_shape": planes.reading.shape,
        "channel_axis": planes.reading.channel_axis,
        "channel": planes.reading.channel,
        "rows": region.rows,
        "columns": region.columns,
        "outlines": [outline.tolist() for outline in region.outlines],
    }
    return {"napari_nuclei": {**segmentation.recipe, **source}}


def _channels(planes: Planes) -> tuple[Planes, ...]:
    reading, axis = planes.reading, planes.reading.channel_axis
    if axis is None or reading.rgb or reading.shape[axis] == 1:
        return ()
    before, after = planes.selector[:axis], planes.selector[axis + 1 :]
    return tuple(
        replace(
            planes,
            selector=(*before, channel, *after),
            reading=replace(reading, channel=channel),
        )
        for channel in range(reading.shape[axis])
    )


def full_data(layer: Image) -> Any:
    """Return the array of a layer in full resolution."""
    return layer.data[0] if layer.multiscale else layer.data


def _placed(
    layer: Image, reading: AxisReading, selector: list[int | slice]
) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Return the geometry of labels for what is selected, and their axes of length one.

    napari lays layers of fewer axes on the last ones, and shows them along all others. Labels of
    one plane keep the axes of planes, therefore, and lie there on that plane alone. A channel axis
    that comes after one that the labels have is kept, too: as a single pixel as long as all
    channels.
    """
    channel_axis = reading.channel_axis
    first = 1 if channel_axis == 0 else 0
    origin = np.array([part.start or 0 if isinstance(part, slice) else part for part in selector])
    origin, step = origin.astype(float), np.ones(layer.ndim)
    if channel_axis:
        step[channel_axis] = reading.shape[channel_axis]
        origin[channel_axis] = (reading.shape[channel_axis] - 1) / 2
    single = [axis - first for axis, part in enumerate(selector) if not isinstance(part, slice)]
    geometry = layer_geometry(layer, layer.ndim - first, origin, step)
    return geometry, tuple(axis for axis in single if axis >= 0)
