from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nuclei.core.appearance import UNCHANGED, AppearanceOptions
from napari_nuclei.core.augment import (
    NO_AUGMENTATION,
    AugmentOptions,
    make_source,
    random_crop,
)
from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.targets import distance_to_edge, make_targets

TURNS_ONLY = AugmentOptions(look=UNCHANGED)
"""The crop is turned, scaled and mirrored, but its grey values stay."""

NUCLEUS, BORDER, DISTANCE, WEIGHT = range(4)
SEEDS = st.integers(0, 2**32)


def grey(plane):
    return np.repeat(plane[..., np.newaxis], 3, axis=-1).astype(np.float32)


def labels_of(height=48, width=40):
    labels = np.zeros((height, width), np.int32)
    labels[4:20, 6:18] = 3
    labels[20:40, 8:22] = 8
    labels[10:24, 26:36] = 200
    return labels


def square(side_px):
    """Return the range of one diameter: that of squares of this side."""
    return DiameterRange(*[2 * side_px / np.sqrt(np.pi)] * 2)


def crop_of(image, labels, options=NO_AUGMENTATION, tile_px=32, seed=0):
    return random_crop(make_source(image, labels), tile_px, options, np.random.default_rng(seed))


def noise_image(shape, channels, seed=0):
    """Return random pixels that survive the rounding to 256 values."""
    values = np.random.default_rng(seed).integers(0, 256, (*shape, channels))
    return np.broadcast_to(values / np.float32(255), (*shape, 3)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_without_augmentation_the_crop_of_full_size_is_the_image(channels):
    labels = labels_of(48, 48)
    image = noise_image(labels.shape, channels)
    crop = crop_of(image, labels, tile_px=48)
    np.testing.assert_allclose(crop.image, image, atol=1e-6)
    np.testing.assert_allclose(crop.target, make_targets(labels), atol=1 / 255)


def test_beyond_the_image_it_is_mirrored():
    image = grey(np.array([[0.0, 0.2], [0.4, 1.0]]))
    labels = np.array([[0, 0], [0, 5]])
    crop = crop_of(image, labels, tile_px=4)
    expected = [
        [1.0, 0.4, 1.0, 0.4],
        [0.2, 0.0, 0.2, 0.0],
        [1.0, 0.4, 1.0, 0.4],
        [0.2, 0.0, 0.2, 0.0],
    ]
    np.testing.assert_allclose(crop.image[..., 0], expected, atol=1e-6)
    np.testing.assert_array_equal(crop.target[..., NUCLEUS], crop.image[..., 0] == 1)


@pytest.mark.parametrize("enlargement", [0.5, 2])
def test_enlarging_changes_the_area_by_its_square(enlargement):
    labels = labels_of(48, 48)
    options = replace(NO_AUGMENTATION, scale=(enlargement, enlargement))
    crop = crop_of(grey(labels > 0), labels, options, tile_px=int(48 * enlargement))
    assert crop.target[..., NUCLEUS].sum() == (labels > 0).sum() * enlargement**2


@settings(deadline=None)
@given(SEEDS)
def test_image_and_labels_are_turned_together(seed):
    labels = labels_of()
    crop = crop_of(grey(labels > 0), labels, TURNS_ONLY, seed=seed)
    # The image is interpolated: between 0 and 1 it does not say which side a pixel is on.
    plain = np.isin(crop.image[..., 0], (0, 1))
    assert plain.mean() > 0.5
    np.testing.assert_array_equal(crop.target[plain, NUCLEUS], crop.image[plain, 0])


@settings(deadline=None)
@given(SEEDS)
def test_image_and_distance_are_turned_together(seed):
    labels = labels_of()
    crop = crop_of(grey(distance_to_edge(labels)), labels, TURNS_ONLY, seed=seed)
    nucleus = crop.target[..., NUCLEUS]
    np.testing.assert_allclose(crop.target[..., DISTANCE], nucleus * crop.image[..., 0], atol=1e-6)


@settings(deadline=None)
@given(SEEDS)
def test_labels_are_never_interpolated(seed):
    labels = np.where(labels_of() == 200, 200, 0)
    crop = crop_of(grey(labels > 0), labels, AugmentOptions(), seed=seed)
    assert set(np.unique(crop.target[..., NUCLEUS])) <= {0, 1}
    # Ids between 0 and 200 along the edge would be taken for neighbours of the nucleus.
    assert not crop.target[..., BORDER].any()


@settings(deadline=None)
@given(
    SEEDS,
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from([1, 3]),
    st.integers(1, 33),
)
def test_image_of_any_size_gives_a_crop_of_the_size_asked_for(seed, shape, channels, tile_px):
    labels = (np.random.default_rng(seed).random(shape) < 0.5).astype(np.uint8)
    crop = crop_of(noise_image(shape, channels), labels, AugmentOptions(), tile_px, seed)
    assert crop.image.shape == (tile_px, tile_px, 3)
    assert crop.target.shape == (tile_px, tile_px, 4)
    for array in (crop.image, crop.target):
        assert array.dtype == np.float32
        assert array.min() >= 0
        assert array.max() <= 1
    np.testing.assert_array_equal(crop.target[..., WEIGHT], 1)


@pytest.mark.parametrize(
    "varied",
    [
        {"scale": (0.5, 2.0)},
        {"stretch": 0.15},
        {"rotate": True},
        {"look": AppearanceOptions()},
    ],
    ids=lambda varied: next(iter(varied)),
)
def test_each_option_changes_the_crop(varied):
    labels = labels_of(32, 32)[:32, :32]
    image = noise_image(labels.shape, 1)
    options = replace(NO_AUGMENTATION, **varied)
    crops = [crop_of(image, labels, options, seed=seed).image for seed in range(6)]
    assert any(np.abs(crop - image).max() > 0.01 for crop in crops)


def test_same_state_of_the_generator_gives_the_same_crop():
    labels = labels_of()
    image = noise_image(labels.shape, 3)
    first, again, other = (
        crop_of(image, labels, AugmentOptions(), seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.target, again.target)
    assert not np.array_equal(first.image, other.image)


def test_source_keeps_one_channel_of_a_grey_image_and_three_of_a_colour_image():
    labels = labels_of()
    assert make_source(noise_image(labels.shape, 1), labels).image.shape == (48, 40, 1)
    assert make_source(noise_image(labels.shape, 3), labels).image.shape == (48, 40, 3)


@pytest.mark.parametrize("side_px", [12, 24, 48])
def test_source_of_a_diameter_shows_its_nuclei_in_that_size(side_px):
    labels = np.zeros((96, 96), np.int32)
    labels[24 : 24 + side_px, 24 : 24 + side_px] = 7
    source = make_source(grey(labels > 0), labels, square(24))
    rng = np.random.default_rng(0)
    crop = random_crop(source, int(96 * 24 / side_px), NO_AUGMENTATION, rng)
    assert crop.target[..., NUCLEUS].sum() == 24**2


def test_source_of_a_smaller_diameter_is_filtered_not_skipped():
    labels = np.ones((64, 64), np.int32)
    stripes = grey(np.indices(labels.shape)[1] % 2)
    source = make_source(stripes, labels, square(32))
    assert source.image.shape == (32, 32, 1)
    assert np.ptp(source.image[:, 2:-2]) < 64


def test_source_without_nuclei_keeps_its_scale():
    labels = np.zeros((8, 6), np.int32)
    source = make_source(noise_image(labels.shape, 1), labels, square(30))
    assert (source.image.shape, source.enlargement) == ((8, 6, 1), 1)


@settings(deadline=None)
@given(SEEDS)
def test_crop_near_a_nucleus_shows_one(seed):
    labels = np.zeros((200, 180), np.int32)
    labels[150:160, 20:30] = 4
    # Turned, a crop at the image's corner may have to leave that corner out.
    options = replace(NO_AUGMENTATION, near_nucleus_share=1)
    assert crop_of(grey(labels > 0), labels, options, seed=seed).target[..., NUCLEUS].any()


def test_only_what_was_checked_weighs_and_the_mask_turns_with_the_image():
    labels = np.zeros((60, 60), np.int32)
    labels[25:35, 25:35], labels[45:55, 45:55] = 1, 2
    checked = labels == 1
    source = make_source(grey(labels > 0), labels, checked=checked)
    rng = np.random.default_rng(0)
    options = replace(NO_AUGMENTATION, rotate=True)
    for _ in range(20):
        target = random_crop(source, 32, options, rng).target
        weight, nucleus = target[..., WEIGHT], target[..., NUCLEUS]
        assert weight.any()
        np.testing.assert_array_equal(nucleus[weight > 0], 1)


def test_the_size_of_unchecked_nuclei_plays_no_part():
    labels = np.zeros((60, 90), np.int32)
    labels[10:20, 10:20], labels[10:50, 40:80] = 1, 2
    diameters = DiameterRange(22.6, 22.6)
    source = make_source(grey(labels > 0), labels, diameters, labels == 1)
    assert source.enlargement == pytest.approx(2, rel=0.01)


def test_the_mask_shrinks_with_its_image():
    labels = np.zeros((80, 80), np.int32)
    labels[20:60, 20:60] = 3
    source = make_source(grey(labels > 0), labels, DiameterRange(10, 20), labels > 0)
    assert source.checked.shape == source.labels.shape
    np.testing.assert_array_equal(source.checked, source.labels == 3)
