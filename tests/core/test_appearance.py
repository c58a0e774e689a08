from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nuclei.core.appearance import UNCHANGED, AppearanceOptions, vary

SEEDS = st.integers(0, 2**32)
PURPLE_AND_PINK = np.array([[[0.35, 0.25, 0.6], [0.9, 0.6, 0.75]]], np.float32)
"""Two pixels as of a section: a nucleus in haematoxylin, and tissue in eosin."""


def image_of(channels, seed=0):
    return np.random.default_rng(seed).random((8, 6, channels), np.float32)


def varied(image, options, seed=0):
    return vary(image, options, np.random.default_rng(seed))


@pytest.mark.parametrize("channels", [1, 3])
def test_unchanged_gives_the_image_in_three_channels(channels):
    image = image_of(channels)
    np.testing.assert_array_equal(varied(image, UNCHANGED), np.broadcast_to(image, (8, 6, 3)))


@settings(deadline=None)
@given(SEEDS, st.sampled_from([1, 3]))
def test_any_change_gives_three_channels_from_0_to_1(seed, channels):
    image = varied(image_of(channels, seed), AppearanceOptions(), seed)
    assert image.shape == (8, 6, 3)
    assert image.dtype == np.float32
    assert image.min() >= 0
    assert image.max() <= 1


@settings(deadline=None)
@given(SEEDS)
def test_grey_stays_grey_unless_it_is_stained(seed):
    image = varied(image_of(1), AppearanceOptions(stained_share=0), seed)
    np.testing.assert_array_equal(image[..., 0], image[..., 1])
    np.testing.assert_array_equal(image[..., 0], image[..., 2])


@pytest.mark.parametrize(
    "change",
    [
        {"gamma": 0.35},
        {"contrast": 0.25},
        {"brightness": 0.1},
        {"colour": 0.15},
        {"stain": 0.3},
        {"grey_share": 1},
        {"inverted_share": 1},
        {"blur_px": 1.2},
        {"noise": 0.06},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_option_changes_the_image(change):
    image = image_of(3)
    options = replace(UNCHANGED, **change)
    assert any(np.abs(varied(image, options, seed) - image).max() > 0.01 for seed in range(6))


def test_the_negative_turns_dark_into_bright():
    image = np.array([[[0.0], [0.25]]], np.float32)
    negative = varied(image, replace(UNCHANGED, inverted_share=1))
    np.testing.assert_array_equal(negative[..., 0], [[1, 0.75]])


@settings(deadline=None)
@given(SEEDS)
def test_what_is_bright_in_a_grey_image_is_darker_in_every_colour_once_it_is_stained(seed):
    image = np.zeros((16, 16, 1), np.float32)
    image[4:12, 4:12] = 1
    stained = varied(image, replace(UNCHANGED, stained_share=1), seed)
    nucleus, ground = stained[4:12, 4:12].mean((0, 1)), stained[12:].mean((0, 1))
    assert np.all(nucleus < ground)
    assert np.ptp(nucleus) > 0


def test_a_stained_image_in_colours_gets_no_other_dye():
    np.testing.assert_array_equal(
        varied(image_of(3), replace(UNCHANGED, stained_share=1)), image_of(3)
    )


def test_an_image_that_loses_its_colours_is_a_mixture_of_its_channels():
    mixed = varied(image_of(3), replace(UNCHANGED, grey_share=1))
    np.testing.assert_array_equal(mixed[..., 0], mixed[..., 1])
    assert np.all(mixed[..., 0] <= image_of(3).max(-1) + 1e-6)
    assert np.all(mixed[..., 0] >= image_of(3).min(-1) - 1e-6)


@settings(deadline=None)
@given(SEEDS)
def test_stains_change_but_a_nucleus_stays_darker_than_its_tissue(seed):
    nucleus, tissue = varied(PURPLE_AND_PINK, replace(UNCHANGED, stain=0.3), seed)[0]
    assert np.all(nucleus < tissue)


def test_white_has_no_dye_to_vary():
    white = np.ones((1, 1, 3), np.float32)
    np.testing.assert_allclose(varied(white, replace(UNCHANGED, stain=0.3)), white, atol=1e-6)


def test_same_state_of_the_generator_gives_the_same_image():
    image = image_of(3)
    first, again, other = (varied(image, AppearanceOptions(), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
