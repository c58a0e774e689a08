"""Why an image cannot be segmented as it is shown and chosen, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_nuclei.pipeline.resources import memory_refusal
from napari_nuclei.ui.layers import region_of
from napari_nuclei.ui.planes import Scope
from napari_nuclei.ui.views import selected_shapes

if TYPE_CHECKING:
    from napari.components import Dims, ViewerModel
    from napari.layers import Image

    from napari_nuclei.core.axes import AxisReading

# Of an image opened without saying that it has colours.
_LIKE_COLOURS = (3, 4)


def refusal(viewer: ViewerModel, layer: Image | None, reading: AxisReading, scope: Scope) -> str:
    """Return why the layer cannot be segmented, in plain words; empty if it can."""
    if layer is None:
        return "Open an image first, for example with File > Open Sample > Nuclei."
    return (
        _pixels_refusal(layer, reading)
        or _display_refusal(viewer.dims, layer, reading, scope)
        or _region_refusal(viewer, layer, reading, scope)
    )


def _pixels_refusal(layer: Image, reading: AxisReading) -> str:
    height, width = reading.plane_shape
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
    region = region_of(viewer, layer, reading, scope)
    if region is None:
        return "No pixel of the image is there: move the view or the shape."
    counts = reading.plane_counts if scope is Scope.ALL else ()
    # Without outlines, what is too large for the memory is segmented block by block.
    return memory_refusal((*counts, *region.shape)) if region.outlines else ""
