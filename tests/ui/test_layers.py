"""What is read of an image layer, and where its labels come to lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels
from numpy.testing import assert_allclose, assert_array_equal

from napari_nuclei.ui import layers
from napari_nuclei.ui.layers import pixel_size_um, refusal, shown_plane, spatial_geometry

if TYPE_CHECKING:
    from conftest import LazyArray

STACK = np.arange(4 * 5 * 6).reshape(4, 5, 6)
SERIES = np.arange(2 * 4 * 5 * 6).reshape(2, 4, 5, 6)
PLACED = {
    "scale": [2, 0.5, 0.25],
    "translate": [1, -20, 30],
    "rotate": [[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]],
    "shear": [0, 0, 0.3],
    "affine": [[1, 0, 0, 4], [0, 1, 0.1, 5], [0, 0, 2, 6], [0, 0, 0, 1]],
    "units": ["um", "nm", "mm"],
    "axis_labels": ["z", "y", "x"],
}


@pytest.fixture
def model() -> ViewerModel:
    return ViewerModel()


def test_plane_of_a_2d_layer_is_all_of_it(model: ViewerModel) -> None:
    layer = model.add_image(STACK[0], name="cells")
    plane = shown_plane(layer, model.dims)
    assert_array_equal(plane.pixels(), STACK[0])
    assert (plane.rgb, plane.name, plane.place, plane.shape) == (False, "cells", "", (5, 6))


def test_colour_axis_is_the_layers_choice_not_the_shapes(model: ViewerModel) -> None:
    pixels = np.zeros((5, 6, 3), np.uint8)
    coloured = model.add_image(pixels, rgb=True)
    stack = model.add_image(pixels, rgb=False)
    assert shown_plane(coloured, model.dims).rgb
    assert shown_plane(coloured, model.dims).shape == (5, 6)
    assert shown_plane(stack, model.dims).shape == (6, 3)


def test_plane_is_the_one_on_screen(model: ViewerModel) -> None:
    layer = model.add_image(SERIES, axis_labels=["t", "z", "y", "x"])
    model.dims.set_current_step([0, 1], [1, 2])
    plane = shown_plane(layer, model.dims)
    assert_array_equal(plane.pixels(), SERIES[1, 2])
    assert plane.place == "t 2 of 2, z 3 of 4"


def test_plane_follows_the_world_position(model: ViewerModel) -> None:
    model.add_image(SERIES)
    layer = model.add_image(STACK, scale=[3, 1, 1], translate=[-3, 0, 0])
    model.dims.set_point(1, 3)
    assert shown_plane(layer, model.dims).place == "plane 3 of 4 along axis 0"
    model.dims.set_point(1, -3)
    assert shown_plane(layer, model.dims).place == "plane 1 of 4 along axis 0"


def test_multiscale_is_read_at_full_resolution(model: ViewerModel) -> None:
    layer = model.add_image([STACK, STACK[:, ::2, ::2]], multiscale=True)
    model.dims.set_current_step(0, 1)
    assert_array_equal(shown_plane(layer, model.dims).pixels(), STACK[1])


def test_a_lazy_layer_is_described_without_reading_it(
    model: ViewerModel, lazy_stack: LazyArray
) -> None:
    layer = model.add_image(lazy_stack, contrast_limits=(0, 1))
    lazy_stack.readers.clear()  # napari has read what it shows
    plane = shown_plane(layer, model.dims).snapshot()
    assert (plane.shape, plane.place) == ((40, 50), "plane 2 of 3 along axis 0")
    assert lazy_stack.readers == []
    assert_array_equal(plane.pixels(), lazy_stack.array[1])
    assert len(lazy_stack.readers) == 1


@pytest.mark.parametrize("quick_bytes", [10_000, 0])
def test_a_snapshot_stays_when_the_array_changes(
    quick_bytes: int, model: ViewerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "_QUICK_BYTES", quick_bytes)
    array = STACK.copy()
    plane = shown_plane(model.add_image(array), model.dims).snapshot()
    if quick_bytes == 0:
        # Too large to be copied at once: what is read is a copy all the same.
        pixels = plane.pixels()
        array[:] = 0
    else:
        array[:] = 0
        pixels = plane.pixels()
    assert_array_equal(pixels, STACK[1])


@pytest.mark.parametrize(
    "given", [PLACED, PLACED | {"shear": [[1, 0, 0], [0, 1, 0], [0, 0.3, 1]]}, {}]
)
def test_labels_of_a_plane_lie_on_the_plane(given: dict[str, Any]) -> None:
    image = Image(STACK, **given)
    labels = Labels(np.zeros((5, 6), int), **spatial_geometry(image))
    for pixel in [(0, 0), (4, 0), (2, 5)]:
        world = image.data_to_world((0, *pixel))
        assert_allclose(labels.data_to_world(pixel), world[1:], atol=1e-9)
    assert labels.units == image.units[1:]
    assert labels.axis_labels == image.axis_labels[1:]


@pytest.mark.parametrize(
    ("scale", "units", "expected"),
    [
        ((0.5, 0.5), ("um", "um"), 0.5),
        ((9, 2, 0.5), ("mm", "um", "um"), 1.0),
        ((3, 250, 250), ("s", "nm", "nm"), 0.25),
        ((0.001, 0.25), ("mm", "um"), 0.5),
        ((-0.5, 0.5), ("um", "um"), 0.5),
        ((0.5, 0.5), None, None),
        ((0.5, 0.5), ("pixel", "um"), None),
        ((0.5, 0.5), ("s", "s"), None),
    ],
)
def test_pixel_size_is_that_of_the_last_two_axes_in_micrometres(
    scale: tuple[float, ...], units: tuple[str, ...] | None, expected: float | None
) -> None:
    layer = Image(np.zeros((3,) * len(scale)), scale=scale, units=units)
    assert pixel_size_um(layer) == pytest.approx(expected)


def test_pixel_size_of_a_colour_image(model: ViewerModel) -> None:
    layer = model.add_image(np.zeros((5, 6, 3)), rgb=True, scale=(0.5, 0.5), units=("um", "um"))
    assert pixel_size_um(layer) == pytest.approx(0.5)


def test_no_image_is_said_in_plain_words(model: ViewerModel) -> None:
    assert refusal(None, model.dims).startswith("Open an image first")


def test_volume_and_other_axes_are_refused_for_stacks_only(model: ViewerModel) -> None:
    stack, flat = model.add_image(STACK), model.add_image(STACK[0])
    assert refusal(stack, model.dims) == ""
    model.dims.order = (1, 0, 2)
    assert "last two axes" in refusal(stack, model.dims)
    model.dims.order = (0, 2, 1)
    assert refusal(stack, model.dims) == ""
    model.dims.ndisplay = 3
    assert refusal(stack, model.dims).startswith("3D is not supported")
    assert refusal(flat, model.dims) == ""
