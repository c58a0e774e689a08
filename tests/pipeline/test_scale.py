from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.errors import InputError
from napari_nuclei.pipeline import scale
from napari_nuclei.pipeline.prediction import Progress, TileOptions
from napari_nuclei.pipeline.scale import (
    estimate_diameter_steps,
    predict_known,
    predict_resized_steps,
)
from napari_nuclei.pipeline.steps import result_of


class SeesMiddleSizes:
    """Sees bright discs of about 10 to 60 px; smaller ones are a blur, larger ones fall apart."""

    def predict(self, tiles):
        maps = np.zeros_like(tiles)
        for nucleus, tile in zip(maps, tiles, strict=True):
            depth = ndimage.distance_transform_edt(np.pad(tile[..., 0] > 0.5, 1))[1:-1, 1:-1]
            is_large = depth.max() > 30
            shown = (np.indices(tile.shape[:2]) % 8 > 0).all(0) | (not is_large)
            nucleus[..., 0] = tile[..., 0] * shown
            nucleus[..., 2] = np.clip(depth / 5, 0, 1) * shown
        return maps


def discs(diameter_px, shape, spacing_px):
    """Draw discs in rows; the image is bright where there is one."""
    y, x = (np.mod(axis, spacing_px) - spacing_px / 2 for axis in np.indices(shape) + 0.5)
    plane = (y**2 + x**2 <= diameter_px**2 / 4).astype(np.float32)
    return np.broadcast_to(plane[..., np.newaxis], (*shape, 3))


def estimate(image):
    steps = estimate_diameter_steps(image, SeesMiddleSizes(), InstanceOptions(), TileOptions())
    return result_of(steps)


@pytest.mark.parametrize("diameter_px", [8, 15, 30, 80, 150])
def test_estimate_is_the_diameter_of_the_nuclei(diameter_px):
    side_px = 5 * diameter_px
    image = discs(diameter_px, (side_px, side_px + 20), 1.6 * diameter_px)
    assert estimate(image) == pytest.approx(diameter_px, rel=0.15)


def test_estimate_looks_where_the_nuclei_are():
    image = np.zeros((1500, 2000, 3), np.float32)
    image[1300:1420, 1700:1820] = discs(12, (120, 120), 20)
    assert estimate(image) == pytest.approx(12, rel=0.2)


def test_a_crowd_is_not_taken_for_one_large_nucleus():
    image = np.zeros((600, 800, 3), np.float32)
    image[100:500, 200:600] = discs(12, (400, 400), 13)
    assert estimate(image) == pytest.approx(12, rel=0.15)


def test_a_single_nucleus_is_enough():
    image = np.zeros((300, 300, 3), np.float32)
    image[50:130, 100:180] = discs(80, (80, 80), 80)
    assert estimate(image) == pytest.approx(80, rel=0.15)


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (200, 200)])
def test_image_without_nuclei_has_no_diameter(shape):
    assert estimate(np.zeros((*shape, 3), np.float32)) is None


def test_estimate_can_be_stopped_after_any_batch_and_knows_no_total():
    image = discs(20, (600, 600), 30)
    options = TileOptions(batch_size=4)
    steps = list(estimate_diameter_steps(image, SeesMiddleSizes(), InstanceOptions(), options))
    assert len(steps) > 4
    assert set(steps) == {Progress(0, 0)}


class Identity:
    def predict(self, tiles):
        return tiles


@pytest.mark.parametrize("enlargement", [0.4, 0.75, 1, 1.3, 2.5])
def test_maps_of_a_resized_image_lie_on_the_image(enlargement):
    y, x = np.indices((90, 130))
    smooth = np.stack([y / 90, x / 130, (y + x) / 220], -1).astype(np.float32)
    maps = result_of(predict_resized_steps(smooth, enlargement, Identity(), TileOptions()))
    assert maps.shape == smooth.shape
    assert maps.dtype == np.float32
    inside = np.s_[4:-4, 4:-4]
    np.testing.assert_allclose(maps[inside], smooth[inside], atol=0.005)


def test_an_image_of_the_right_size_is_not_touched():
    image = np.random.default_rng(0).random((50, 60, 3), np.float32)
    maps = result_of(predict_resized_steps(image, 1.0, Identity(), TileOptions()))
    np.testing.assert_allclose(maps, image, atol=1e-6)


def test_enlarging_beyond_memory_is_refused():
    image = np.zeros((1000, 1000, 3), np.float32)
    with pytest.raises(InputError, match="enlarged to 20000 x 20000 px: choose a larger diameter"):
        result_of(predict_resized_steps(image, 20, Identity(), TileOptions()))


class Ruler:
    """Measures the radius of the largest disc that it is shown."""

    radius_px = 0.0

    def predict(self, tiles):
        for tile in tiles:
            depth_px = ndimage.distance_transform_edt(tile[..., 0] > 0.5)
            self.radius_px = max(self.radius_px, depth_px.max())
        return np.zeros_like(tiles)


@pytest.mark.parametrize(
    ("diameters", "seen_px"),
    [(DiameterRange(16, 32), 16), (DiameterRange(6, 20), 8), (None, 8)],
    ids=["too small", "known", "own scale"],
)
def test_an_image_of_known_nuclei_is_shown_in_a_size_that_the_network_knows(diameters, seen_px):
    image = discs(8, (64, 64), 16)
    network = Ruler()
    maps = predict_known(image, image[..., 0].astype(np.int32) * label_ids(), network, diameters)
    assert maps.shape == (64, 64, 3)
    assert 2 * network.radius_px == pytest.approx(seen_px, abs=1)


def label_ids():
    """Return an id of its own for each disc of `discs(8, (64, 64), 16)`."""
    y, x = np.indices((64, 64)) // 16
    return 4 * y + x + 1


def test_of_two_zooms_each_counts_the_more_the_nearer_to_30_px_it_sees_nuclei():
    even = scale._Look(0.5, 9, 20.0, 1.0), scale._Look(1.0, 9, 45.0, 1.0)  # both 0.58 octaves off
    assert scale._together_px(*even) == pytest.approx((40 * 45) ** 0.5)
    uneven = scale._Look(0.5, 9, 15.0, 1.0), scale._Look(1.0, 9, 36.0, 1.0)  # of 30 and 36 px
    assert scale._together_px(*uneven) == pytest.approx(35.1, abs=0.1)
