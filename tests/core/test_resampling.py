from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import resize as skimage_resize

from napari_nuclei.core.resampling import needed_window, resize, resize_window, whole_window


def noise(height, width):
    return np.random.default_rng(0).random((height, width, 3), np.float32)


@pytest.mark.parametrize("shape", [(20, 33), (7, 9), (60, 10), (1, 1), (41, 95)])
def test_resized_as_scikit_image_does(shape):
    image = noise(41, 30)
    smooths = any(new < old for new, old in zip(shape, image.shape, strict=False))
    expected = skimage_resize(image, shape, order=1, mode="edge", anti_aliasing=smooths)
    np.testing.assert_allclose(resize(image, shape), expected, atol=1e-5)


def test_same_size_is_the_same_image():
    image = noise(5, 4)
    np.testing.assert_array_equal(resize(image, (5, 4)), image)


def test_grey_stays_grey():
    grey = np.broadcast_to(noise(9, 8)[..., :1], (9, 8, 3))
    resized = resize(grey, (4, 17))
    assert resized.strides[-1] == 0
    np.testing.assert_allclose(resized, resize(np.ascontiguousarray(grey), (4, 17)), atol=1e-6)


sides = st.integers(1, 40)


@st.composite
def windows(draw):
    old, new = (draw(sides), draw(sides)), (draw(sides), draw(sides))
    parts = []
    for length in new:
        start = draw(st.integers(0, length - 1))
        parts.append(slice(start, draw(st.integers(start + 1, length))))
    return old, new, tuple(parts)


@given(windows())
def test_a_window_is_that_of_the_whole_image_from_the_pixels_it_needs(drawn):
    old, new, window = drawn
    image = noise(*old)
    needed = needed_window(old, new, window)
    origin = needed[0].start, needed[1].start
    part = resize_window(image[needed], old, new, window, origin)
    np.testing.assert_allclose(part, resize(image, new)[window], atol=1e-6)


def test_needed_for_all_is_all():
    assert needed_window((30, 40), (30, 40), whole_window((30, 40))) == whole_window((30, 40))
    assert needed_window((30, 40), (15, 80), whole_window((15, 80))) == whole_window((30, 40))
