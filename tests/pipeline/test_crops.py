from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_nuclei.core.augment import NO_AUGMENTATION, AugmentOptions, make_source
from napari_nuclei.pipeline.crops import CropSampler, balance_kinds


def constant_source(value, shape=(40, 40)):
    """Return an image in which every pixel tells which image it is."""
    return make_source(np.full((*shape, 3), value, np.float32), np.zeros(shape, int))


SAMPLER = CropSampler(
    sources=[constant_source(value) for value in (0.2, 0.4, 0.6)],
    probabilities=np.array([0.5, 0.3, 0.2]),
    options=AugmentOptions(),
    tile_px=16,
    batch_size=5,
    batches=7,
    seed=1,
)


def images_of(batches):
    return np.stack([batch.images for batch in batches])


def test_epoch_has_the_batches_asked_for():
    batches = list(SAMPLER.epoch(0))
    assert len(batches) == 7
    for batch in batches:
        assert batch.images.shape == (5, 16, 16, 3)
        assert batch.targets.shape == (5, 16, 16, 4)
        assert batch.images.dtype == batch.targets.dtype == np.float32


def test_same_seed_and_epoch_give_the_same_crops():
    first, again = list(SAMPLER.epoch(3)), list(SAMPLER.epoch(3))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.targets, other.targets)


@pytest.mark.parametrize("other", [SAMPLER.epoch(1), replace(SAMPLER, seed=2).epoch(0)])
def test_other_epochs_and_seeds_give_other_crops(other):
    assert not np.array_equal(images_of(other), images_of(SAMPLER.epoch(0)))


def test_batches_of_an_epoch_differ():
    images = images_of(SAMPLER.epoch(0))
    assert len(np.unique(images.reshape(7, -1), axis=0)) == 7


def test_shorter_epoch_begins_like_a_longer_one():
    short = images_of(replace(SAMPLER, batches=3).epoch(0))
    np.testing.assert_array_equal(short, images_of(SAMPLER.epoch(0))[:3])


@pytest.mark.parametrize("batches", [0, 1, 4, 5, 6])
def test_epoch_of_any_length_is_complete(batches):
    assert len(list(replace(SAMPLER, batches=batches).epoch(0))) == batches


def test_images_are_drawn_as_often_as_asked():
    sampler = replace(SAMPLER, options=NO_AUGMENTATION, tile_px=1, batch_size=1000, batches=2)
    drawn = images_of(sampler.epoch(0))[:, :, 0, 0, 0]
    shares = [np.isclose(drawn, value).mean() for value in (0.2, 0.4, 0.6)]
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.2], atol=0.05)


def test_image_of_probability_0_is_never_drawn():
    sampler = replace(SAMPLER, probabilities=np.array([0, 1, 0]), options=NO_AUGMENTATION)
    np.testing.assert_allclose(images_of(sampler.epoch(0)), 0.4)


def test_error_in_a_crop_reaches_the_reader():
    sampler = replace(SAMPLER, probabilities=np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match="same size"):
        list(sampler.epoch(0))


def test_reader_may_stop_early():
    batches = SAMPLER.epoch(0)
    next(batches)
    batches.close()
    assert list(batches) == []


def test_rare_kinds_are_drawn_more_often_than_their_share():
    kinds = ["fluo"] * 16 + ["stained"] * 4
    probabilities = balance_kinds(kinds)
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities[:16].sum() == pytest.approx(4 / 6)
    assert probabilities[16:].sum() == pytest.approx(2 / 6)


def test_single_kind_is_drawn_evenly():
    np.testing.assert_allclose(balance_kinds(["fluo"] * 4), 0.25)
