"""napari layers to arrays and back, with the geometry of the image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.ui.names import nuclei_name

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Image, Labels
    from napari.viewer import Viewer

    from napari_nuclei.pipeline.segment import Segmentation

# Copied in less than 50 ms, which nobody notices.
_QUICK_BYTES = 100_000_000


@dataclass(frozen=True)
class Plane:
    """The plane of an image layer that is on screen, described without reading a pixel.

    Attributes
    ----------
    data : array
        Shape (..., Y, X), or (..., Y, X, 3 or 4) when `rgb`; of any type that numpy can read, lazy
        ones too.
    index : tuple of int
        Which plane of `data`.
    rgb : bool
        Whether the last axis holds colours, as the layer says.
    name : str
        Name of the layer.
    place : str
        Which plane of the layer it is, in words; empty for a 2D layer.
    geometry : dict
        The layer's scale, translate, ... of its last two axes, as arguments for a new layer.
    """

    data: Any
    index: tuple[int, ...]
    rgb: bool
    name: str
    place: str
    geometry: dict[str, Any]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.data.shape[len(self.index) :][:2]
        return height, width

    def pixels(self) -> NDArray[Any]:
        """Read the plane, which takes time when it is lazy: a copy, (Y, X) or (Y, X, 3 or 4)."""
        return np.asarray(self.data[self.index]).copy()

    def snapshot(self) -> Plane:
        """Return the plane as later changes of the layer's array do not reach it.

        What is lazy, on disk or huge is not copied here: for those, call `pixels` in a worker.
        """
        quick = type(self.data) is np.ndarray and self.data[self.index].nbytes <= _QUICK_BYTES
        return replace(self, data=self.pixels(), index=()) if quick else self


def refusal(layer: Image | None, dims: Dims) -> str:
    """Return why the layer cannot be segmented as it is shown, in plain words; empty if it can."""
    if layer is None:
        return "Open an image first, for example with File > Open Sample > Nuclei."
    if layer.ndim == 2:
        return ""
    if dims.ndisplay == 3:
        return "3D is not supported yet: switch to the 2D view to choose a plane."
    if set(dims.displayed) != {dims.ndim - 2, dims.ndim - 1}:
        return "Only planes of the last two axes can be segmented: show those."
    return ""


def shown_plane(layer: Image, dims: Dims) -> Plane:
    """Return the plane of `layer` that is on screen, of a multiscale layer at full resolution."""
    data = layer.data[0] if layer.multiscale else layer.data
    index = _plane_index(layer, dims, data.shape)
    place = ", ".join(
        _describe(layer, axis, f"{position + 1} of {data.shape[axis]}")
        for axis, position in enumerate(index)
    )
    return Plane(data, index, layer.rgb, layer.name, place, spatial_geometry(layer))


def spatial_geometry(layer: Image) -> dict[str, Any]:
    """Return scale, translate, rotate, shear, affine, units, axis labels of the last two axes."""
    axes = [layer.ndim - 2, layer.ndim - 1]
    return {
        "scale": layer.scale[-2:],
        "translate": layer.translate[-2:],
        "rotate": layer.rotate[-2:, -2:],
        # napari gives an upper triangle as a vector; its last entry belongs to the last two axes.
        "shear": layer.shear[-1:] if layer.shear.ndim == 1 else layer.shear[-2:, -2:],
        "affine": layer.affine.set_slice(axes),
        "units": layer.units[-2:],
        "axis_labels": layer.axis_labels[-2:],
    }


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


def add_nuclei(viewer: Viewer, plane: Plane, segmentation: Segmentation) -> Labels:
    """Add the labels of `plane` as a new layer that lies on its image and knows its recipe."""
    return viewer.add_labels(
        # A copy, so that painting leaves the result as it was computed.
        segmentation.labels.copy(),
        name=nuclei_name(plane.name),
        features=segmentation.table,
        metadata=recipe_metadata(plane, segmentation),
        **plane.geometry,
    )


def recipe_metadata(plane: Plane, segmentation: Segmentation) -> dict[str, Any]:
    """Return the layer metadata: how the labels were made and of which image and plane."""
    source = {"image": plane.name, "plane": plane.place}
    return {"napari_nuclei": {**segmentation.recipe, **source}}


def _plane_index(layer: Image, dims: Dims, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the position on screen along the axes before the last two."""
    position = layer.world_to_data(dims.point[-layer.ndim :])[:-2]
    return tuple(
        int(np.clip(round(value), 0, length - 1))
        for value, length in zip(position, shape, strict=False)
    )


def _describe(layer: Image, axis: int, position: str) -> str:
    name = layer.axis_labels[axis]
    # napari calls an axis without a name -3, for example.
    has_name = not name.lstrip("-").isdigit()
    return f"{name} {position}" if has_name else f"plane {position} along axis {axis}"
