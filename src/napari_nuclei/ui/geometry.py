"""Where pixels lie in the world: those of an image, and of labels on it with fewer axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pint
    from napari.layers import Image
    from napari.layers.base import Layer
    from numpy.typing import ArrayLike, NDArray


def world_to_pixels(
    layer: Layer, points: ArrayLike, units: tuple[pint.Unit, ...] | None
) -> NDArray[np.float64]:
    """Return where points of the world lie in a layer, which `layer.world_to_data` tells in part.

    napari shows layers of different units in one world, such as one in micrometres over one in
    nanometres; `layer.world_to_data` takes the numbers for those of the layer's own units.

    Parameters
    ----------
    layer : napari.layers.base.Layer
        In its pixels they are told.
    points : array_like
        Shape (n, axes): the last axes count when the layer has fewer.
    units : tuple of pint.Unit or None
        Those of the points, for each axis; None where napari converts nothing, as the units of
        some layers are no measures of one thing.

    Returns
    -------
    numpy.ndarray
        Shape (n, layer.ndim).
    """
    world = np.asarray(points, float)
    ndim = min(world.shape[1], layer.ndim)
    world = world[:, -ndim:]
    if units is not None:
        pairs = zip(units[-ndim:], layer.units[-ndim:], strict=True)
        world = world * [(1 * unit).m_as(own) for unit, own in pairs]
    return np.array([layer.world_to_data(point) for point in world])


def pixels_to_world(
    layer: Layer, points: ArrayLike, units: tuple[pint.Unit, ...] | None
) -> NDArray[np.float64]:
    """Return where pixels of a layer lie in the world, in its units: `world_to_pixels` back.

    Parameters
    ----------
    layer, units
        As for `world_to_pixels`.
    points : array_like
        Shape (n, layer.ndim), in pixels.

    Returns
    -------
    numpy.ndarray
        Shape (n, layer.ndim), for the last axes of the world.
    """
    world = np.array([layer.data_to_world(point) for point in np.asarray(points, float)])
    if units is None:
        return world
    pairs = zip(layer.units, units[-layer.ndim :], strict=True)
    return world * [(1 * own).m_as(unit) for own, unit in pairs]


def layer_geometry(
    image: Image, ndim: int, origin: NDArray[np.floating], step: NDArray[np.floating]
) -> dict[str, Any]:
    """Return scale, translate, rotate, shear, affine, units and axis labels for a new layer.

    Parameters
    ----------
    image : napari.layers.Image
        The layer on which the new one lies.
    ndim : int
        Axes of the new layer: the image's last ones, as napari puts layers over one another.
    origin : numpy.ndarray
        Shape (image.ndim,): where in the image the first pixel of the new layer has its centre, in
        pixels; also along the axes that the new layer lacks.
    step : numpy.ndarray
        Shape (image.ndim,): how many pixels of the image a pixel of the new layer covers.
    """
    kept, left_out = slice(image.ndim - ndim, None), slice(image.ndim - ndim)
    shear = _shear_matrix(image)
    linear = image.rotate @ shear @ np.diag(image.scale)
    place = linear @ origin + image.translate
    affine = image.affine.affine_matrix
    # Along the axes that are left out, pixels of the layer may lie in different places: what the
    # affine makes of these differences is a part of the new one.
    brought = affine[:-1, :-1][kept, left_out]
    tilt = brought @ linear[left_out, kept] @ np.linalg.pinv(linear[kept, kept])
    new_affine = np.eye(ndim + 1)
    new_affine[:-1, :-1] = affine[:-1, :-1][kept, kept] + tilt
    new_affine[:-1, -1] = affine[:-1, -1][kept] + brought @ place[left_out] - tilt @ place[kept]
    return {
        "scale": (image.scale * step)[kept],
        "translate": place[kept],
        "rotate": image.rotate[kept, kept],
        "shear": shear[kept, kept],
        "affine": new_affine,
        "units": image.units[kept],
        "axis_labels": image.axis_labels[kept],
    }


def _shear_matrix(image: Image) -> NDArray[np.floating]:
    """Return the shear as a matrix; napari gives an upper triangle as a vector."""
    if image.shear.ndim == 2:
        return image.shear
    matrix = np.eye(image.ndim)
    matrix[np.triu_indices(image.ndim, 1)] = image.shear
    return matrix
