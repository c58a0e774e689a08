"""Parts of a plane that a person points at: what the canvas shows, and shapes that are selected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Shapes

from napari_nuclei.core.regions import Region, box_around, inside_outlines
from napari_nuclei.ui.geometry import world_to_pixels
from napari_nuclei.ui.label_plane import is_shown, world_of

if TYPE_CHECKING:
    import pint
    from napari.components import LayerList, ViewerModel
    from napari.layers import Image
    from napari.layers.base import Layer
    from numpy.typing import NDArray

    from napari_nuclei.core.axes import AxisReading

_ELLIPSE_CORNERS = 64
_AREA_SHAPES = {"rectangle", "polygon", "ellipse"}
_SHARES_OF_CANVAS = (0.06, 0.4)


def region_in_view(viewer: ViewerModel, image: Image, reading: AxisReading) -> Region | None:
    """Return the pixels that the canvas shows in 2D, a box of them; None when there are none."""
    camera = viewer.scene.camera
    half = np.array(viewer.canvas.viewbox_size(viewer.layers)) / (2 * camera.zoom)
    centre = np.array(camera.center[-2:])
    corners = centre + half * [(-1, -1), (-1, 1), (1, 1), (1, -1)]
    world = np.tile(np.asarray(viewer.dims.point, float), (len(corners), 1))
    world[:, list(viewer.dims.displayed)] = corners
    pixels = world_to_pixels(image, world, viewer.dims.units)
    return box_around(pixels[:, list(reading.spatial_axes)], reading.plane_shape)


def selected_shapes(layers: LayerList) -> Shapes | None:
    """Return the layer whose selected shapes count: the active one, or else the topmost."""
    active = layers.selection.active
    candidates = [active, *reversed(layers)]
    return next((one for one in candidates if isinstance(one, Shapes) and _areas(one)), None)


def region_of_shapes(
    shapes: Shapes, image: Image, reading: AxisReading, units: tuple[pint.Unit, ...] | None = None
) -> Region | None:
    """Return what lies inside the selected rectangles, ellipses and polygons of a layer.

    `units` are those of the viewer; None where it shows all layers without converting units.
    """
    own_units = None if units is None else shapes.units
    outlines = []
    for outline in _outlines(shapes):
        world = [shapes.data_to_world(corner) for corner in outline]
        pixels = world_to_pixels(image, world, own_units)
        outlines.append(pixels[:, list(reading.spatial_axes)])
    return inside_outlines(outlines, reading.plane_shape) if outlines else None


def _areas(shapes: Shapes) -> list[int]:
    """Return the selected shapes that have an inside."""
    return [i for i in sorted(shapes.selected_data) if shapes.shape_type[i] in _AREA_SHAPES]


def _outlines(shapes: Shapes) -> Iterator[NDArray[np.float64]]:
    for index in _areas(shapes):
        corners = np.asarray(shapes.data[index], float)
        yield _ellipse_in(corners) if shapes.shape_type[index] == "ellipse" else corners


def _ellipse_in(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points of the ellipse whose bounding box has these four corners."""
    angles = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)[:, np.newaxis]
    first, second = (box[1] - box[0]) / 2, (box[2] - box[1]) / 2
    return box.mean(axis=0) + np.cos(angles) * first + np.sin(angles) * second


def look_at(viewer: ViewerModel, layer: Layer, centre: tuple[float, float], side_px: float) -> None:
    """Move sliders and view to something in a layer; zoom where it is tiny or fills the canvas.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        The one that shows the layer.
    layer : napari.layers.Layer
        Of one plane.
    centre : tuple of float
        (y, x) in pixels of the plane.
    side_px : float
        How large it is.
    """
    dims = viewer.dims
    corner = centre[0] + side_px, centre[1] + side_px
    world, end = world_of(layer, [centre, corner], dims)
    side = np.abs(end - world)[-2:].max()
    if not is_shown(layer, dims):
        dims.point = [*world[:-2], *dims.point[-2:]]
    camera = viewer.scene.camera
    camera.center = (0, *world[list(dims.displayed)])
    canvas = min(viewer.canvas.viewbox_size(viewer.layers))
    least, most = _SHARES_OF_CANVAS
    if not least <= side * camera.zoom / canvas <= most:
        camera.zoom = (least * most) ** 0.5 * canvas / side
