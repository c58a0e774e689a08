from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.augmentation import augment

LABELS = np.arange(6).reshape(2, 3)
IMAGE = np.stack([LABELS * 100.0] * 3, axis=-1)


@given(st.integers(0, 2**32))
def test_image_and_labels_turn_together_and_light_and_noise_stay_in_their_range(seed: int) -> None:
    image, labels = augment(IMAGE, LABELS, np.random.default_rng(seed))

    # With steps of 100 between pixels, gain and offset can be read off the result.
    gain, offset = np.polyfit(labels.ravel() * 100.0, image[..., 0].ravel(), 1)
    assert image.shape == (*labels.shape, 3)
    assert 0.599 < gain < 2.001
    assert -0.35 < offset < 0.35
    np.testing.assert_allclose(image[..., 0], gain * labels * 100 + offset, atol=0.15)


def test_all_eight_ways_to_lay_a_square_occur() -> None:
    rng = np.random.default_rng(0)
    square = np.array([[1, 2], [3, 4]])
    laid = {augment(square * 1.0, square, rng)[1].tobytes() for _ in range(100)}
    assert len(laid) == 8


def test_same_state_same_result() -> None:
    first, second = (augment(IMAGE, LABELS, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_the_original_stays_as_it_was() -> None:
    image, labels = IMAGE.copy(), LABELS.copy()
    augment(image, labels, np.random.default_rng(0))
    np.testing.assert_array_equal(image, IMAGE)
    np.testing.assert_array_equal(labels, LABELS)
