"""Labels lie on the pixels of their image, whichever of its axes they have."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Labels
from numpy.testing import assert_allclose

from napari_nuclei.ui.geometry import layer_geometry, pixels_to_world, world_to_pixels

# Of what it draws, not of where pixels are.
pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")

SHAPE = (3, 4, 5, 6)
TURN_YX = np.eye(4)
TURN_YX[2:, 2:] = [[0.8, -0.6], [0.6, 0.8]]
PLACED: dict[str, Any] = {
    "scale": [3, 2, 0.5, 0.25],
    "translate": [7, 1, -20, 30],
    "rotate": TURN_YX,
    "shear": [0, 0, 0, 0.5, 0.1, 0.3],
    "affine": [
        [1, 0, 0, 0, 1],
        [0, 1, 0, 0, 4],
        [0, 0.2, 1, 0.1, 5],
        [0, 0, 0, 2, 6],
        [0, 0, 0, 0, 1],
    ],
    "units": ["s", "um", "nm", "mm"],
    "axis_labels": ["t", "z", "y", "x"],
}
MATRIX_SHEAR = np.eye(4)
MATRIX_SHEAR[3, 2] = 0.3


@pytest.mark.parametrize("given", [PLACED, PLACED | {"shear": MATRIX_SHEAR}, {}])
@pytest.mark.parametrize("ndim", [2, 3, 4])
def test_pixels_are_where_those_of_the_image_are(ndim: int, given: dict[str, Any]) -> None:
    image = Image(np.zeros(SHAPE), **given)
    origin, step = np.array([2, 1, 3, 2.0]), np.ones(4)
    origin[4 - ndim : 2] = 0
    labels = Labels(np.zeros((9,) * ndim, int), **layer_geometry(image, ndim, origin, step))
    for pixel in product((0, 1), repeat=ndim):
        place = origin.copy()
        place[-ndim:] += pixel
        expected = image.data_to_world(place)[-ndim:]
        assert_allclose(labels.data_to_world(pixel), expected, atol=1e-9)
    assert labels.units == image.units[-ndim:]
    assert labels.axis_labels == image.axis_labels[-ndim:]


def test_one_pixel_can_cover_several() -> None:
    image = Image(np.zeros(SHAPE), **PLACED)
    geometry = layer_geometry(image, 3, np.array([0, 1.5, 0, 0]), np.array([1, 4, 1, 1.0]))
    labels = Labels(np.zeros((1, 5, 6), int), **geometry)
    for z, expected in [(-0.49, 0), (3.49, 0), (3.51, 1), (-0.51, -1)]:
        world = image.data_to_world((0, z, 2, 3))
        assert round(labels.world_to_data(world)[0]) == expected


@pytest.mark.parametrize("units", [None, ("um", "um"), ("mm", "nm")])
def test_pixels_lie_where_the_world_says(units: Any) -> None:
    layer = Labels(
        np.zeros((4, 5), np.int32), scale=(500, 250), translate=(7, 9), units=("nm", "nm")
    )
    of_world = None if units is None else Labels(np.zeros((4, 5), np.int32), units=units).units
    pixels = [[0, 0], [3, 1.5]]
    world = pixels_to_world(layer, pixels, of_world)
    assert_allclose(world_to_pixels(layer, world, of_world), pixels, atol=1e-9)
    if units == ("um", "um"):
        assert_allclose(world, [[0.007, 0.009], [1.507, 0.384]])
