from __future__ import annotations

import numpy as np
import pytest

from napari_nuclei.core.diameter import DiameterRange, median_diameter_px


def test_median_of_the_circles_of_the_same_areas():
    labels = np.zeros((10, 10), np.int64)
    labels[0, :4] = 2**40
    labels[2:5, :3] = 5
    labels[6:, 6:] = 9
    assert median_diameter_px(labels) == pytest.approx(2 * 3 / np.sqrt(np.pi))


@pytest.mark.parametrize("shape", [(4, 4), (1, 1)])
def test_no_nucleus_has_no_diameter(shape):
    assert median_diameter_px(np.zeros(shape, np.int32)) is None


def test_one_nucleus_may_fill_the_image():
    assert median_diameter_px(np.ones((2, 2), np.int32)) == pytest.approx(4 / np.sqrt(np.pi))


@pytest.mark.parametrize(
    ("diameter_px", "enlargement"), [(10, 2), (20, 1), (30, 1), (45, 1), (60, 0.5), (None, 1)]
)
def test_small_nuclei_are_brought_to_the_range_and_large_ones_to_its_middle(
    diameter_px, enlargement
):
    assert DiameterRange(20, 45).enlargement(diameter_px) == enlargement


def test_images_with_nuclei_in_the_range_keep_their_size():
    sizes_px = np.linspace(24, 48, 100)
    assert {DiameterRange(24, 48).enlargement(px) for px in sizes_px} == {1.0}


@pytest.mark.parametrize("ends", [(0, 10), (20, 10), (10, 2000), (float("nan"), 10)])
def test_a_range_that_nothing_can_be_brought_into_is_not_sane(ends):
    assert not DiameterRange(*ends).is_sane()
    assert DiameterRange(24, 24).is_sane()
