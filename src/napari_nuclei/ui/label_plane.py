"""The plane of a Labels layer that has just one: what is corrected, and what is learnt from.

Labels of an image have two axes. Those of one plane of a stack have axes of length one before
these, so that napari shows them on that plane alone. Both are corrected as an array (Y, X), and
only here it is known how pixels and points of that array are those of the layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_nuclei.ui.geometry import pixels_to_world, world_to_pixels

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers.base import Layer

_Scalar = TypeVar("_Scalar", bound=np.generic)

_YX = 2


def is_plane(shape: tuple[int, ...]) -> bool:
    """Tell whether labels of this shape are those of one plane."""
    return len(shape) >= _YX and all(length == 1 for length in shape[:-_YX])


def plane_of(labels: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """Return the plane (Y, X) of labels that have just one: no copy."""
    return labels if labels.ndim == _YX else labels[(0,) * (labels.ndim - _YX)]


def in_layer(values: NDArray[_Scalar], ndim: int) -> NDArray[_Scalar]:
    """Return a plane (Y, X) with the axes of a layer of `ndim`: no copy."""
    return np.expand_dims(values, tuple(range(ndim - _YX)))


def points_in_layer(points: ArrayLike, ndim: int) -> NDArray[Any]:
    """Return points of a plane, shape (N, 2), as a layer of `ndim` has them: shape (N, ndim)."""
    return np.pad(np.asarray(points), ((0, 0), (ndim - _YX, 0)))


def point_below(layer: Layer, position: ArrayLike, dims: Dims) -> tuple[float, float]:
    """Return where a position in the viewer, such as that of the mouse, is in the plane: (y, x)."""
    ((y, x),) = world_to_pixels(layer, np.atleast_2d(position), dims.units)[:, -_YX:]
    return float(y), float(x)


def world_of(layer: Layer, points: ArrayLike, dims: Dims) -> NDArray[np.float64]:
    """Return where points of a layer's plane are in the world of the viewer.

    Parameters
    ----------
    layer : napari.layers.Layer
        Of one plane.
    points : array_like
        Shape (N, 2), in pixels.
    dims : napari.components.Dims
        Those of the viewer: along axes that the layer lacks, the points are where the sliders are.

    Returns
    -------
    numpy.ndarray
        Shape (N, dims.ndim).
    """
    pixels = points_in_layer(points, layer.ndim)
    world = np.tile(np.asarray(dims.point, float), (len(pixels), 1))
    world[:, -layer.ndim :] = pixels_to_world(layer, pixels, dims.units)
    return world


def is_shown(layer: Layer, dims: Dims) -> bool:
    """Tell whether the sliders are where the layer has its plane, as napari rounds it."""
    (pixel,) = world_to_pixels(layer, [dims.point], dims.units)
    return not np.round(pixel[:-_YX]).any()
