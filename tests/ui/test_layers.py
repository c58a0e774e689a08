"""What is read of an image layer, and where its labels come to lie."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from numpy.testing import assert_allclose, assert_array_equal

from napari_nuclei.ui import planes as planes_module
from napari_nuclei.ui.layers import pixel_size_um, planes_of, read_layer
from napari_nuclei.ui.planes import Planes, Scope

if TYPE_CHECKING:
    from conftest import LazyArray

STACK = np.arange(4 * 5 * 6).reshape(4, 5, 6)
SERIES = np.arange(2 * 4 * 5 * 6).reshape(2, 4, 5, 6)
FULL = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6)


@pytest.fixture
def model() -> ViewerModel:
    return ViewerModel()


def taken(model: ViewerModel, layer: Image, scope: Scope = Scope.PLANE, **changes: Any) -> Planes:
    return planes_of(model, layer, replace(read_layer(layer), **changes), scope)


def test_plane_of_a_2d_layer_is_all_of_it(model: ViewerModel) -> None:
    plane = taken(model, model.add_image(STACK[0], name="cells"))
    assert_array_equal(plane.read(), STACK[0])
    assert (plane.rgb, plane.name, plane.place) == (False, "cells", "")
    assert (plane.counts, plane.shape, plane.mask()) == ((), (5, 6), None)


def test_colour_axis_is_the_layers_choice_not_the_shapes(model: ViewerModel) -> None:
    pixels = np.zeros((5, 6, 3), np.uint8)
    coloured = taken(model, model.add_image(pixels, rgb=True))
    stack = taken(model, model.add_image(pixels, rgb=False))
    assert coloured.rgb
    assert coloured.shape == (5, 6)
    assert coloured.read().shape == (5, 6, 3)
    assert stack.shape == (6, 3)


def test_plane_is_the_one_on_screen(model: ViewerModel) -> None:
    layer = model.add_image(SERIES, axis_labels=["t", "z", "y", "x"])
    model.dims.set_current_step([0, 1], [1, 2])
    plane = taken(model, layer)
    assert_array_equal(plane.read(), SERIES[1, 2])
    assert plane.place == "t 2 of 2, z 3 of 4"


def test_plane_follows_the_world_position(model: ViewerModel) -> None:
    model.add_image(SERIES)
    layer = model.add_image(STACK, scale=[3, 1, 1], translate=[-3, 0, 0])
    model.dims.set_point(1, 3)
    assert taken(model, layer).place == "plane 3 of 4 along axis 0"
    model.dims.set_point(1, -3)
    assert taken(model, layer).place == "plane 1 of 4 along axis 0"


@pytest.mark.parametrize("others", [("nm",) * 3, ("um",) * 3, ("pixel",) * 3])
def test_plane_is_the_one_on_screen_among_layers_of_other_units(
    others: tuple[str, ...], model: ViewerModel
) -> None:
    layer = model.add_image(STACK, scale=[2, 1, 1], units=("um",) * 3)
    model.add_image(STACK, scale=[500, 250, 250], units=others)
    step = {"nm": 2000, "um": 2, "pixel": 2}[others[0]]
    model.dims.set_point(0, 2 * step)
    assert taken(model, layer).place == "plane 3 of 4 along axis 0"


def test_all_planes_of_a_channel(model: ViewerModel) -> None:
    layer = model.add_image(FULL, axis_labels=["t", "c", "z", "y", "x"])
    planes = taken(model, layer, Scope.ALL, channel=2)
    assert (planes.counts, planes.names, planes.shape) == ((2, 4), ("t", "z"), (5, 6))
    assert planes.place == "2 planes along t, 4 along z, channel 3 of 3"
    for t, z in product(range(2), range(4)):
        assert_array_equal(planes.read((t, z)), FULL[t, 2, z])


def test_channels_behind_the_plane(model: ViewerModel) -> None:
    layer = model.add_image(STACK, axis_labels=["y", "x", "c"], rgb=False)
    assert_array_equal(taken(model, layer, channel=1).read(), STACK[..., 1])


def test_colour_stack(model: ViewerModel) -> None:
    colours = np.stack([STACK] * 3, -1)
    planes = taken(model, model.add_image(colours, rgb=True), Scope.ALL)
    assert planes.counts == (4,)
    assert_array_equal(planes.read((2,)), colours[2])
    assert_array_equal(planes.snapshot().read((2,)), colours[2])


def test_multiscale_is_read_at_full_resolution(model: ViewerModel) -> None:
    layer = model.add_image([STACK, STACK[:, ::2, ::2]], multiscale=True)
    model.dims.set_current_step(0, 1)
    assert_array_equal(taken(model, layer).read(), STACK[1])
    assert taken(model, layer, Scope.ALL).counts == (4,)


def test_a_lazy_layer_is_described_without_reading_it(
    model: ViewerModel, lazy_stack: LazyArray
) -> None:
    layer = model.add_image(lazy_stack, contrast_limits=(0, 1))
    lazy_stack.readers.clear()  # napari has read what it shows
    plane = taken(model, layer).snapshot()
    assert (plane.shape, plane.place) == ((40, 50), "plane 2 of 3 along axis 0")
    assert taken(model, layer, Scope.ALL).snapshot().counts == (3,)
    assert lazy_stack.readers == []
    assert_array_equal(plane.read(), lazy_stack.array[1])
    assert len(lazy_stack.readers) == 1


def test_of_a_dask_array_only_the_chunks_of_the_region_are_computed(model: ViewerModel) -> None:
    computed = []

    def compute(block: Any, block_info: Any = None) -> Any:
        computed.append(block_info[0]["chunk-location"])
        return block

    array = da.from_array(np.arange(4 * 80 * 90).reshape(4, 80, 90), chunks=(1, 40, 45))
    lazy = array.map_blocks(compute, dtype=array.dtype, meta=np.empty((0, 0, 0), int))
    layer = model.add_image(lazy, contrast_limits=(0, 1), cache=False)
    shapes = model.add_shapes([[2, 2], [2, 30], [30, 30]], shape_type="polygon")
    shapes.selected_data = {0}
    model.dims.set_current_step(0, 3)
    plane = taken(model, layer, Scope.SHAPES)
    computed.clear()
    assert_array_equal(plane.read(), array[3, 2:31, 2:31])
    assert computed == [(3, 0, 0)]


@pytest.mark.parametrize("scope", [Scope.PLANE, Scope.ALL])
@pytest.mark.parametrize("quick_bytes", [10_000, 0])
def test_a_snapshot_stays_when_the_array_changes(
    quick_bytes: int, scope: Scope, model: ViewerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planes_module, "_QUICK_BYTES", quick_bytes)
    array = STACK.copy()
    planes = taken(model, model.add_image(array), scope).snapshot()
    index = (1,) if scope is Scope.ALL else ()
    # What is too large to be copied at once is a copy all the same when it is read.
    pixels = planes.read(index)
    array[:] = 0
    assert_array_equal(pixels, STACK[1])
    if quick_bytes:
        assert_array_equal(planes.read(index), STACK[1])


KINDS: dict[str, tuple[tuple[int, ...], dict[str, Any], int | None]] = {
    "2d": ((5, 6), {}, None),
    "rgb": ((5, 6, 3), {"rgb": True}, None),
    "z": ((4, 5, 6), {}, None),
    "channels first": ((3, 5, 6), {}, 0),
    "channels last": ((5, 6, 3), {"rgb": False}, 2),
    "c z": ((3, 4, 5, 6), {}, 0),
    "z c": ((4, 3, 5, 6), {}, 1),
    "t c z": ((2, 3, 4, 5, 6), {}, 1),
}


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("kind", KINDS)
def test_labels_lie_on_the_pixels_that_were_read(
    kind: str, scope: Scope, model: ViewerModel
) -> None:
    shape, options, channel_axis = KINDS[kind]
    ndim = len(shape) - options.get("rgb", False)
    place = {"scale": np.arange(1, ndim + 1) / 2, "translate": np.arange(ndim) * 10.0}
    layer = model.add_image(np.zeros(shape), **options, **place)
    reading = replace(read_layer(layer), channel_axis=channel_axis)
    model.dims.order = (
        tuple(axis for axis in range(ndim) if axis not in reading.spatial_axes)
        + reading.spatial_axes
    )
    _point_at_rows_1_to_3_and_columns_2_to_4(model, layer, reading)
    planes = planes_of(model, layer, reading, scope)
    data = planes.as_layer_data(np.zeros((*planes.counts, *planes.shape), np.int32))
    labels = model.add_labels(data, **planes.geometry)
    part = scope in (Scope.VIEW, Scope.SHAPES)
    assert planes.shape == ((3, 3) if part else (5, 6))
    first = np.zeros(ndim)
    first[list(reading.spatial_axes)] = (1, 2) if part else (0, 0)
    for axis, position in zip(reading.plane_axes, [1] * 9, strict=False):
        first[axis] = 0 if scope is Scope.ALL else position
    if channel_axis is not None:
        first[channel_axis] = (reading.shape[channel_axis] - 1) / 2
    expected = layer.data_to_world(first)[-labels.ndim :]
    assert_allclose(labels.data_to_world((0,) * labels.ndim), expected)


def _point_at_rows_1_to_3_and_columns_2_to_4(
    model: ViewerModel, layer: Image, reading: Any
) -> None:
    """Move sliders to the second plane, the camera and a shape to a part of it."""
    corners = []
    for y, x in [(0.9, 1.9), (0.9, 4.1), (3.1, 4.1), (3.1, 1.9)]:
        pixel = np.ones(layer.ndim)
        pixel[list(reading.spatial_axes)] = (y, x)
        corners.append(layer.data_to_world(pixel))
    model.dims.point = corners[0]
    shown = np.array(corners)[:, list(model.dims.displayed)]
    height, width = np.ptp(shown, axis=0)
    model.scene.camera.center = shown.mean(axis=0)
    model.scene.camera.zoom = 1000.0
    model.canvas.size = (round(1000 * height), round(1000 * width))
    shapes = model.add_shapes([corners], shape_type="polygon")
    shapes.selected_data = {0}
    model.layers.selection.active = layer


def test_channels_between_other_axes_are_covered_by_one_pixel(model: ViewerModel) -> None:
    layer = model.add_image(FULL, axis_labels=["t", "c", "z", "y", "x"])
    planes = taken(model, layer, Scope.ALL)
    data = planes.as_layer_data(np.ones((2, 4, 5, 6), np.int32))
    labels = model.add_labels(data, **planes.geometry)
    assert labels.data.shape == (2, 1, 4, 5, 6)
    for channel in range(3):
        assert labels.get_value((1, channel, 2, 3, 3), world=True) == 1


AT_PLANE: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "z y x": (("z", "y", "x"), (1, 5, 6)),
    "t z y x": (("t", "z", "y", "x"), (1, 1, 5, 6)),
    "c z y x": (("z", "y", "x"), (1, 5, 6)),
    "z c y x": (("z", "c", "y", "x"), (1, 1, 5, 6)),
    "c y x": (("y", "x"), (5, 6)),
}


@pytest.mark.parametrize("axes", AT_PLANE)
def test_labels_of_a_plane_are_seen_on_that_plane_alone(axes: str, model: ViewerModel) -> None:
    names = tuple(axes.split())
    lengths = {"t": 2, "c": 3, "z": 4, "y": 5, "x": 6}
    scale = [{"t": 7.0, "z": 3.0}.get(name, 1.0) for name in names]
    layer = model.add_image(
        np.zeros([lengths[name] for name in names]), axis_labels=names, scale=scale
    )
    place = [{"t": 7.0, "z": 6.0}.get(name, 1.0) for name in names]
    model.dims.point = place
    plane = taken(model, layer)
    data = plane.as_layer_data(np.ones(plane.shape, np.int32))
    labels = model.add_labels(data, **plane.geometry)
    assert (labels.axis_labels, labels.data.shape) == AT_PLANE[axes]
    for axis in range(len(names) - 2):
        for at in range(lengths[names[axis]]):
            model.dims.point = place
            model.dims.set_point(axis, at * scale[axis])
            on_plane = names[axis] == "c" or at * scale[axis] == place[axis]
            assert bool(np.any(labels._slice.image.raw)) == on_plane


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


def test_pixel_size_is_that_of_height_and_width_where_channels_come_last(
    model: ViewerModel,
) -> None:
    layer = model.add_image(
        np.zeros((5, 6, 2)),
        rgb=False,
        axis_labels=("y", "x", "c"),
        scale=(0.5, 0.5, 1),
        units=("um", "um", "um"),
    )
    planes = planes_of(model, layer, read_layer(layer), Scope.PLANE)
    assert planes.pixel_um == pytest.approx(0.5)
    assert planes.snapshot().pixel_um == planes.pixel_um
