"""Where labels come to lie: on the pixels of their image, whichever of its axes they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray


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
