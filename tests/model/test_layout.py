"""The table of layers: its sizes are those of the papers, and its names those that files hold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from napari_nuclei.model import layout, unet


def test_multiply_adds_are_those_of_the_published_table() -> None:
    # MobileNetV2 1.0 has 300 million at 224 px with its last two layers, which are not here.
    assert layout.multiply_adds(unet.UNetConfig(), 128) == 585_512_960
    assert layout.multiply_adds(unet.UNetConfig((256, 128, 64, 32)), 128) == 287_062_016


def test_multiply_adds_grow_with_the_area() -> None:
    config = unet.UNetConfig((8, 8, 8, 8))

    assert layout.multiply_adds(config, 256) == 4 * layout.multiply_adds(config, 128)


@pytest.mark.parametrize(
    ("layer", "adds"),
    [
        # 16 x 16 places of the output, 9 taps, 4 channels, 8 filters.
        (layout.Layer("a", "full", 4, 8, 3, 2), 16 * 16 * 9 * 4 * 8),
        (layout.Layer("a", "depthwise", 4, 4, 3, 1), 32 * 32 * 9 * 4),
        # Each place of the input reaches 9 places of the output.
        (layout.Layer("a", "transposed", 4, 8, 3, 2), 32 * 32 * 9 * 4 * 8),
    ],
)
def test_multiply_adds_of_a_layer(layer: layout.Layer, adds: int) -> None:
    assert layer.multiply_adds(32, 32) == adds


def test_the_shapes_sum_to_the_parameters_of_the_course_projects() -> None:
    shapes = layout.tensor_shapes(unet.UNetConfig())

    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 6_504_227
    assert shapes["bn_Conv1/gamma"] == (32,)
    assert shapes["block_1_depthwise/kernel"] == (3, 3, 96, 1)
    assert shapes["up_1_conv/kernel"] == (3, 3, 512, 320)
    assert shapes["up_4_BN/moving_variance"] == (64,)
    assert "block_16_project_BN/gamma" not in shapes


def test_each_layer_fits_the_one_before_it() -> None:
    chain = layout.layers(unet.UNetConfig())
    filters = {layer.name: layer.filters for layer in chain}

    for before, layer in pairwise(chain):
        joined = filters[before.joined] if before.joined else 0
        assert layer.channels == before.filters + joined, layer.name
        if layer.added:
            assert filters[layer.added] == layer.filters, layer.name
