from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_nuclei.core.images import (
    HIGH_PERCENTILE,
    LOW_PERCENTILE,
    Sample,
    common_limits,
    finite_pixels,
    join_samples,
    limits_of_sample,
    percentiles_of_sample,
    prepare,
    sample_part,
)
from napari_nuclei.errors import InputError

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
DTYPES = st.sampled_from(["bool", *INTEGERS, "float16", "float32", "float64"])
SIDES = st.sampled_from([1, 2, 7, 13, 16])
CHANNELS = st.sampled_from([(), (3,), (4,)])


@st.composite
def images(draw):
    """Draw an image of any type, size and layout in memory, any value of the type included."""
    dtype = np.dtype(draw(DTYPES)).newbyteorder(draw(st.sampled_from("<>")))
    shape = (draw(SIDES), draw(SIDES), *draw(CHANNELS))
    image = draw(hnp.arrays(dtype, shape))
    if draw(st.booleans()):
        image = np.asfortranarray(image)
    if draw(st.booleans()):
        image = np.repeat(image, 2, axis=1)[::-1, ::-2]
    return image


def has_finite_value(image):
    return np.isfinite(image[..., :3] if image.ndim == 3 else image).any()


@settings(deadline=None, max_examples=200)
@given(images())
@example(np.array([[-3e38, 3e38]], np.float32))
@example(np.array([[-1.7e308, np.nan, 1.7e308]]))
@example(np.array([[0, 5e-324]]))
def test_any_image_becomes_three_channels_between_0_and_1(image):
    before = image.copy()
    if not has_finite_value(image):
        with pytest.raises(InputError, match="no finite pixel"):
            prepare(image)
        return

    prepared = prepare(image)

    assert prepared.shape == (*image.shape[:2], 3)
    assert prepared.dtype == np.float32
    assert prepared.min() >= 0
    assert prepared.max() <= 1
    np.testing.assert_array_equal(image, before)


@settings(deadline=None)
@given(images().filter(has_finite_value))
def test_layout_in_memory_makes_no_difference(image):
    plain = np.ascontiguousarray(image).astype(image.dtype.newbyteorder("="))
    np.testing.assert_array_equal(prepare(image), prepare(plain))


@settings(deadline=None)
@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)),
    st.integers(1, 1000),
    st.integers(-(10**9), 10**9),
    st.sampled_from([np.int64, np.float64]),
)
def test_brighter_and_dimmer_recordings_of_one_scene_are_the_same(scene, gain, offset, dtype):
    recorded = scene.astype(dtype) * gain + offset
    np.testing.assert_allclose(prepare(recorded), prepare(scene), atol=1e-6)


def test_percentiles_become_0_and_1_and_the_course_between_is_linear():
    image = np.random.default_rng(0).normal(1000, 50, (31, 37))
    low, high = np.percentile(image, (LOW_PERCENTILE, HIGH_PERCENTILE))
    expected = np.clip((image - low) / (high - low), 0, 1)
    prepared = prepare(image)
    for channel in range(3):
        np.testing.assert_allclose(prepared[..., channel], expected, atol=1e-6)


def test_large_image_is_scaled_by_a_sample_of_it():
    column = np.arange(4200, dtype=np.uint16)
    prepared = prepare(np.broadcast_to(column, (1000, 4200)))
    low, high = np.percentile(column, (LOW_PERCENTILE, HIGH_PERCENTILE))
    np.testing.assert_allclose(
        prepared[0, :, 0], np.clip((column - low) / (high - low), 0, 1), atol=1e-3
    )


def test_colours_are_scaled_together():
    image = np.array([[[0, 50, 100], [100, 0, 50]]], np.uint8)
    # The percentiles of six values lie a little inside the extremes.
    np.testing.assert_allclose(prepare(image), image / 100, atol=0.02)


def test_alpha_is_dropped():
    colours = np.random.default_rng(0).integers(0, 255, (5, 6, 3), np.uint8)
    alpha = np.full((5, 6, 1), 255, np.uint8)
    np.testing.assert_array_equal(prepare(np.concatenate([colours, alpha], -1)), prepare(colours))


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_become_the_median_and_change_nothing_else(hole):
    image = np.array([[10.0, 20.0, 30.0, 20.0]])
    with_hole = np.append(image, [[hole]], axis=1)
    prepared = prepare(with_hole)
    np.testing.assert_array_equal(prepared[:, :4], prepare(image))
    np.testing.assert_array_equal(prepared[:, 4], prepared[:, 1])


def test_holes_in_an_even_ground_become_ground():
    image = np.full((100, 100), 9.0)
    image[50, 50], image[60:, 60:] = 7, np.nan
    np.testing.assert_array_equal(prepare(image)[..., 0], image != 7)


def test_pixels_that_are_numbers_in_all_colours_are_told():
    grey = np.array([[1.0, np.nan], [np.inf, 2.0]])
    np.testing.assert_array_equal(finite_pixels(grey), [[True, False], [False, True]])
    colours = np.zeros((1, 3, 4), np.float16)
    colours[0, 1, 2], colours[0, 2, 3] = -np.inf, np.nan  # blue, and alpha, which is dropped
    np.testing.assert_array_equal(finite_pixels(colours), [[True, False, True]])


@pytest.mark.parametrize("image", [[[1, 2]], np.ones((2, 2), bool), np.ones((2, 2))])
def test_where_all_pixels_are_numbers_nothing_is_told(image):
    assert finite_pixels(image) is None


def test_hot_pixel_is_white_and_the_rest_keeps_its_contrast():
    image = np.zeros((50, 50), np.float32)
    image[25:] = 0.001
    image[0, 0] = 3e38
    prepared = prepare(image)
    assert prepared[0, 0, 0] == 1
    np.testing.assert_array_equal(prepared[25:], 1)
    np.testing.assert_array_equal(prepared[1:25], 0)


def test_few_bright_pixels_on_an_even_ground_are_seen():
    image = np.full((100, 100), 7, np.uint8)
    image[50, 50] = 9
    np.testing.assert_array_equal(prepare(image)[..., 0], image == 9)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_constant_image_is_0(value):
    np.testing.assert_array_equal(prepare(np.full((4, 5), value, np.uint8)), np.zeros((4, 5, 3)))


@pytest.mark.parametrize("rgb", [None, False])
def test_three_columns_are_no_colours(rgb):
    assert prepare(np.eye(3), rgb=rgb).shape == (3, 3, 3)


@pytest.mark.parametrize(
    ("shape", "rgb"),
    [
        ((), None),
        ((7,), None),
        ((4, 4, 5), None),
        ((3, 4, 4), False),
        ((4, 4, 3), False),
        ((4, 4), True),
        ((4, 4, 2), True),
        ((2, 4, 4, 3), None),
        ((2, 4, 4, 3), True),
        ((0, 4), None),
        ((4, 0, 3), None),
        ((0, 0), None),
    ],
)
def test_unusable_shape_is_named(shape, rgb):
    with pytest.raises(InputError) as refused:
        prepare(np.zeros(shape), rgb=rgb)
    assert f"An array of shape {shape} cannot be used" in str(refused.value)


@pytest.mark.parametrize("dtype", ["object", "<U3", "S3", "complex128", "datetime64[s]"])
def test_unusable_type_is_named(dtype):
    with pytest.raises(InputError) as refused:
        prepare(np.zeros((2, 2)).astype(dtype))
    assert f"Images of type {dtype}".replace("S3", "|S3") in str(refused.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_image_without_a_finite_pixel_is_refused(value):
    with pytest.raises(InputError, match="no finite pixel"):
        prepare(np.full((3, 3), value))


def test_rows_of_different_length_are_refused():
    with pytest.raises(InputError, match="rows differ in length"):
        prepare([[1, 2], [3]])


def test_the_few_values_of_a_large_empty_image_are_found():
    image = np.full((4001, 1001), np.nan, np.float32)
    image[1, 1], image[1, 3] = 5, 7
    prepared = prepare(image)
    assert prepared[1, 1, 0] == 0
    assert prepared[1, 3, 0] == 1


def test_a_few_bright_pixels_of_a_large_dark_image_are_kept():
    image = np.zeros((4001, 1001), np.uint8)
    image[1, 1] = 9
    assert prepare(image)[1, 1, 0] == 1


def test_planes_of_a_stack_share_their_limits() -> None:
    stack = np.stack([np.zeros((20, 20)), np.eye(20), 3 * np.eye(20)])
    limits = common_limits(stack)
    empty, dim, bright = (prepare(plane, limits=limits)[..., 0] for plane in stack)
    assert not empty.any()
    assert dim.max() == pytest.approx(1 / 3)
    assert bright.max() == 1


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "float32", "float64"])
def test_limits_of_one_plane_are_its_own(dtype: str) -> None:
    image = (200 * np.random.default_rng(0).random((30, 40))).astype(dtype)
    np.testing.assert_array_equal(prepare(image, limits=common_limits([image])), prepare(image))


def test_planes_that_hardly_differ_are_taken_by_themselves() -> None:
    speck = np.zeros((200, 200))
    speck[3, 3] = 1
    assert common_limits([speck, speck]) is None
    assert common_limits([np.full((4, 4), np.nan)]) is None


def test_a_plane_without_finite_pixels_is_dark_in_a_stack() -> None:
    stack = np.stack([np.full((20, 20), np.nan), np.eye(20)])
    assert not prepare(stack[0], limits=common_limits(stack)).any()


def sample_in_parts(image: np.ndarray, side_px: int) -> Sample:
    shape = image.shape[:2]
    origins = [(y, x) for y in range(0, shape[0], side_px) for x in range(0, shape[1], side_px)]
    parts = ((image[y : y + side_px, x : x + side_px], (y, x)) for y, x in origins)
    return join_samples([sample_part(part, origin, shape) for part, origin in parts])


@pytest.mark.parametrize("shape", [(30, 41), (2100, 2001), (40, 30, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float64"])
def test_limits_of_an_image_in_parts_are_its_own(dtype: str, shape: tuple[int, ...]) -> None:
    image = (200 * np.random.default_rng(0).random(shape)).astype(dtype)
    sample = sample_in_parts(image, 700 if shape[0] > 700 else 13)
    assert percentiles_of_sample(sample) == common_limits([image])
    expected = prepare(image)
    np.testing.assert_array_equal(prepare(image, limits=limits_of_sample(sample)), expected)


def test_parts_of_a_few_bright_pixels_have_the_limits_of_all() -> None:
    image = np.zeros((60, 60))
    image[3, 50], image[40, 2], image[41, 1] = 7, np.nan, -2  # the others are 0
    sample = sample_in_parts(image, 25)
    assert percentiles_of_sample(sample) is None
    assert limits_of_sample(sample) == (-1, 3.5, 0)


def test_parts_without_finite_pixels_are_refused() -> None:
    with pytest.raises(InputError, match="no finite pixel"):
        limits_of_sample(sample_in_parts(np.full((9, 9), np.nan), 4))
