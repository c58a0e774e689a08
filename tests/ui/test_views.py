"""What a person points at: the canvas and selected shapes, in pixels of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.components import ViewerModel
from numpy.testing import assert_allclose

from napari_nuclei.core.axes import read_axes
from napari_nuclei.core.regions import Region
from napari_nuclei.ui.views import look_at, region_in_view, region_of_shapes, selected_shapes

if TYPE_CHECKING:
    from napari.layers import Shapes

PIXELS = np.zeros((100, 200))
READING = read_axes((100, 200), ("y", "x"))
BOX = [[10, 20], [10, 60], [30, 60], [30, 20]]


@pytest.fixture
def model() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def look(model: ViewerModel) -> Any:
    """Return a function that shows this height and width of the world around a centre."""

    def at(centre: tuple[float, float], zoom: float, size: tuple[int, int]) -> None:
        model.canvas.size = size
        model.scene.camera.center = centre
        model.scene.camera.zoom = zoom

    return at


def selected(model: ViewerModel, *shapes: Any, types: Any = "polygon", **kwargs: Any) -> Shapes:
    layer = model.add_shapes(list(shapes), shape_type=types, **kwargs)
    layer.selected_data = set(range(len(shapes)))
    return layer


def test_view_is_the_box_that_the_canvas_shows(model: ViewerModel, look: Any) -> None:
    layer = model.add_image(PIXELS)
    look((50, 100), 2.0, (40, 80))
    assert region_in_view(model, layer, READING) == Region((40, 61), (80, 121))
    look((0, 0), 2.0, (40, 80))
    assert region_in_view(model, layer, READING) == Region((0, 11), (0, 21))
    look((500, 0), 2.0, (40, 80))
    assert region_in_view(model, layer, READING) is None


def test_view_follows_scale_and_place_of_the_layer(model: ViewerModel, look: Any) -> None:
    layer = model.add_image(PIXELS, scale=(0.5, 0.25), translate=(100, 0))
    look((110, 10), 1.0, (10, 5))
    assert region_in_view(model, layer, READING) == Region((10, 31), (30, 51))


def test_view_of_a_stack_with_another_order_of_axes(model: ViewerModel, look: Any) -> None:
    layer = model.add_image(np.zeros((7, 100, 200)))
    model.dims.order = (0, 2, 1)
    look((100, 50), 1.0, (40, 20))
    reading = read_axes((7, 100, 200), ("z", "y", "x"))
    assert region_in_view(model, layer, reading) == Region((40, 61), (80, 121))


def test_shapes_are_brought_to_pixels_of_the_image(model: ViewerModel) -> None:
    layer = model.add_image(PIXELS, scale=(0.5, 0.5), translate=(5, 0))
    shapes = selected(model, BOX, scale=(1, 2))
    region = region_of_shapes(shapes, layer, READING)
    assert region is not None
    assert (region.rows, region.columns) == ((10, 51), (80, 200))


def test_selected_shapes_with_an_inside_count(model: ViewerModel) -> None:
    layer = model.add_image(PIXELS)
    shapes = selected(model, BOX, [[0, 0], [99, 99]], types=["rectangle", "line"])
    region = region_of_shapes(shapes, layer, READING)
    assert region is not None
    assert region.rows == (10, 31)
    shapes.selected_data = {1}
    assert region_of_shapes(shapes, layer, READING) is None
    assert selected_shapes(model.layers) is None


def test_an_ellipse_is_round(model: ViewerModel) -> None:
    layer = model.add_image(PIXELS)
    region = region_of_shapes(selected(model, BOX, types="ellipse"), layer, READING)
    assert region is not None
    assert (region.rows, region.columns) == ((10, 31), (20, 61))
    assert region.mask().sum() == pytest.approx(np.pi * 10 * 20, rel=0.05)
    assert not region.mask()[0, 0]


def test_active_shapes_come_before_the_topmost(model: ViewerModel) -> None:
    assert selected_shapes(model.layers) is None
    first, second = selected(model, BOX), selected(model, BOX)
    model.layers.selection.active = None
    assert selected_shapes(model.layers) is second
    model.layers.selection.active = first
    assert selected_shapes(model.layers) is first


def test_shapes_of_a_stack(model: ViewerModel) -> None:
    layer = model.add_image(np.zeros((7, 100, 200)))
    shapes = selected(model, [[3, *corner] for corner in BOX])
    reading = read_axes((7, 100, 200), ("z", "y", "x"))
    region = region_of_shapes(shapes, layer, reading)
    assert region is not None
    assert (region.rows, region.columns) == ((10, 31), (20, 61))


def test_view_and_shapes_in_other_units_than_the_image(model: ViewerModel, look: Any) -> None:
    layer = model.add_image(PIXELS, scale=(0.5, 0.25), units=("um", "um"))
    shapes = selected(model, BOX, scale=(500, 500), units=("nm", "nm"))
    region = region_of_shapes(shapes, layer, READING, model.dims.units)
    assert region is not None
    assert (region.rows, region.columns) == ((10, 31), (40, 121))
    look((10_000, 10_000), 0.001, (10, 5))
    assert region_in_view(model, layer, READING) == Region((10, 31), (30, 51))


def test_the_view_moves_to_a_place_in_a_layer_of_other_units(model: ViewerModel) -> None:
    model.add_image(PIXELS, scale=(500, 250), units=("nm", "nm"))
    layer = model.add_image(PIXELS, scale=(0.5, 0.25), units=("um", "um"))
    model.canvas.size = (400, 400)
    look_at(model, layer, (60, 100), 20)
    per_um = (1 * layer.units[0]).m_as(model.dims.units[-2])
    assert_allclose(model.scene.camera.center[-2:], (30 * per_um, 25 * per_um))
    # Of 20 px, the longer side is 10 micrometres; it is to take a part of the canvas.
    assert 0.06 <= 10 * per_um * model.scene.camera.zoom / 400 <= 0.4


def test_the_view_moves_where_no_units_are_converted(model: ViewerModel) -> None:
    layer = model.add_image(PIXELS, scale=(2, 2), units=("um", "um"))
    model.add_image(PIXELS)  # in pixels
    model.canvas.size = (400, 400)
    look_at(model, layer, (60, 100), 20)
    assert_allclose(model.scene.camera.center[-2:], (120, 200))


def test_shapes_are_taken_as_shown_where_no_units_are_converted(model: ViewerModel) -> None:
    layer = model.add_image(PIXELS, units=("um", "um"))
    shapes = selected(model, BOX, units=("nm", "nm"))
    model.add_image(PIXELS)  # in pixels
    region = region_of_shapes(shapes, layer, READING, model.dims.units)
    assert region is not None
    assert region.rows == (10, 31)
