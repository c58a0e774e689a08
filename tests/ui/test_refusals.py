"""Why Run is disabled, in plain words."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from napari.components import ViewerModel

from napari_nuclei.ui.layers import read_layer
from napari_nuclei.ui.planes import Scope
from napari_nuclei.ui.refusals import refusal

if TYPE_CHECKING:
    from napari.layers import Image

STACK = np.zeros((4, 5, 6))


@pytest.fixture
def model() -> ViewerModel:
    return ViewerModel()


def reason(model: ViewerModel, layer: Image, scope: Scope = Scope.PLANE, **changes: Any) -> str:
    return refusal(model, layer, replace(read_layer(layer), **changes), scope)


def test_no_image_is_said_in_plain_words(model: ViewerModel) -> None:
    reading = read_layer(model.add_image(STACK))
    assert refusal(model, None, reading, Scope.PLANE).startswith("Open an image first")


@pytest.mark.parametrize(
    ("pixels", "options", "said"),
    [
        (np.zeros((1, 1)), {}, "The image is a single pixel."),
        (np.zeros((3, 1, 1)), {}, "The image is a single pixel."),
        (np.zeros((9, 50, 3)), {"rgb": False}, "Planes of 3 x 50 px look like colours: choose"),
    ],
)
def test_images_without_nuclei_are_refused(
    pixels: Any, options: dict[str, Any], said: str, model: ViewerModel
) -> None:
    layer = model.add_image(pixels, contrast_limits=(0, 1), **options)
    assert reason(model, layer).startswith(said)


def test_colours_chosen_as_channels_are_not_refused(model: ViewerModel) -> None:
    layer = model.add_image(np.zeros((9, 50, 3)), rgb=False)
    assert reason(model, layer, channel_axis=2) == ""


def test_volume_and_other_axes_are_refused_where_one_plane_is_meant(model: ViewerModel) -> None:
    stack, flat = model.add_image(STACK), model.add_image(STACK[0])
    assert reason(model, stack) == ""
    model.dims.order = (1, 0, 2)
    assert "last two axes" in reason(model, stack)
    assert reason(model, stack, Scope.ALL) == ""
    model.dims.order = (0, 2, 1)
    assert reason(model, stack) == ""
    model.dims.ndisplay = 3
    assert reason(model, stack).startswith("3D is not supported")
    assert reason(model, stack, Scope.ALL) == reason(model, flat) == ""
    assert reason(model, flat, Scope.VIEW).startswith("3D is not supported")


def test_parts_that_are_not_there_are_refused(model: ViewerModel) -> None:
    layer = model.add_image(STACK)
    assert reason(model, layer, Scope.SHAPES).startswith("Select a rectangle")
    shapes = model.add_shapes([[50, 50], [50, 60], [60, 60]], shape_type="polygon")
    shapes.selected_data = {0}
    assert reason(model, layer, Scope.SHAPES).startswith("No pixel of the image is there")
    model.scene.camera.center = (900, 900)
    model.scene.camera.zoom = 100.0
    assert reason(model, layer, Scope.VIEW).startswith("No pixel of the image is there")


def test_only_outlines_that_do_not_fit_into_memory_are_refused(
    model: ViewerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = model.add_image(STACK)
    shapes = model.add_shapes([[1, 1], [1, 6], [6, 6]], shape_type="polygon")
    shapes.selected_data = {0}
    assert reason(model, layer, Scope.SHAPES) == ""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    refused = reason(model, layer, Scope.SHAPES)
    assert refused.startswith("This needs about 0.0 GB of memory")
    assert reason(model, layer) == ""
