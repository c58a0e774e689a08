"""Pixels and points of a plane, as they are in its array and as they are in its layer."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from numpy.testing import assert_allclose, assert_array_equal

from napari_nuclei.ui.label_plane import (
    in_layer,
    is_plane,
    is_shown,
    plane_of,
    point_below,
    points_in_layer,
    world_of,
)


@pytest.fixture
def model() -> ViewerModel:
    """Return a viewer of a stack of 2 times and 3 planes."""
    model = ViewerModel()
    model.add_image(np.zeros((2, 3, 4, 5)), scale=(1, 3, 0.5, 0.5))
    return model


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4, 5), True),
        ((1, 4, 5), True),
        ((1, 1, 4, 5), True),
        ((1, 1), True),
        ((5,), False),
        ((2, 4, 5), False),
        ((4, 5, 1), False),
        ((1, 2, 4, 5), False),
    ],
)
def test_a_plane_has_no_other_axis_that_is_longer_than_one(
    shape: tuple[int, ...], expected: bool
) -> None:
    assert is_plane(shape) == expected


@pytest.mark.parametrize("ndim", [2, 3, 4])
def test_the_plane_and_the_layer_share_their_pixels(ndim: int) -> None:
    plane = np.arange(20).reshape(4, 5)
    layer = in_layer(plane, ndim)
    assert layer.shape == (1,) * (ndim - 2) + (4, 5)
    assert np.shares_memory(plane_of(layer), plane)
    assert_array_equal(plane_of(layer), plane)


def test_an_array_of_two_axes_is_itself() -> None:
    labels = np.zeros((4, 5), np.int32)
    assert plane_of(labels) is labels


def test_points_get_the_axes_of_the_layer_and_stay_whole_numbers() -> None:
    points = points_in_layer([(1, 2), (3, 4)], 4)
    assert_array_equal(points, [(0, 0, 1, 2), (0, 0, 3, 4)])
    assert points.dtype.kind == "i"


def test_a_point_of_the_plane_is_found_in_the_world_and_back(model: ViewerModel) -> None:
    layer = model.add_labels(
        np.zeros((1, 4, 5), np.int32), scale=(3, 0.5, 0.5), translate=(6, 0, 0)
    )
    model.dims.point = (1, 3, 0, 0)
    (world,) = world_of(layer, [(2, 3)], model.dims)
    assert_allclose(world, (1, 6, 1, 1.5))
    assert point_below(layer, world, model.dims) == (2, 3)


def test_a_plane_is_shown_where_the_sliders_are_at_it(model: ViewerModel) -> None:
    flat = model.add_labels(np.zeros((4, 5), np.int32))
    layer = model.add_labels(
        np.zeros((1, 4, 5), np.int32), scale=(3, 0.5, 0.5), translate=(6, 0, 0)
    )
    shown = []
    for plane in range(3):
        model.dims.set_point(1, 3 * plane)
        shown.append((is_shown(layer, model.dims), is_shown(flat, model.dims)))
    assert shown == [(False, True), (False, True), (True, True)]
