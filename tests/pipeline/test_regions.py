from __future__ import annotations

import numpy as np
import pytest

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.projects import Pair
from napari_nuclei.pipeline.regions import hold_out, score_regions, whole_region

ANY_SIZE = DiameterRange(1, 1000)


class Brightness:
    """Finds what is bright: nucleus and centre alike."""

    def predict(self, tiles):
        bright = (tiles[..., :1] > 0.5).astype(np.float32)
        return np.concatenate([bright, 0 * bright, bright], axis=-1)


def row_of_discs(name, n_discs, checked=None):
    y, x = np.indices((40, 40 * n_discs + 40))
    labels = np.zeros(y.shape, np.int32)
    for disc in range(n_discs):
        labels[(y - 20) ** 2 + (x - 30 - 40 * disc) ** 2 < 100] = disc + 1
    mask = None if checked is None else np.isin(labels, checked)
    # Every pixel tells its place: so the test sees which ones were used.
    return Pair(name, np.where(labels > 0, 200.0, 0.0) + x / x.size, labels, mask)


def columns_of(region):
    return set(region.image[0, :, 0].tolist())


@pytest.mark.parametrize("n_images", [1, 2, 4])
def test_of_few_images_a_part_is_held_out_that_shares_no_pixel(n_images):
    pairs = [row_of_discs(f"image-{i}", 5) for i in range(n_images)]
    split = hold_out(pairs, seed=0)
    assert len(split.training) == len(split.held_out) == n_images
    for training, held_out in zip(split.training, split.held_out, strict=True):
        assert (training.n_checked, held_out.n_checked) == (4, 1)
        assert not columns_of(training) & columns_of(held_out)


def test_from_five_images_on_whole_ones_are_held_out():
    pairs = [row_of_discs(f"image-{i}", 2) for i in range(10)]
    split = hold_out(pairs, seed=0)
    assert len(split.held_out) == 2
    names = [{region.id for region in part} for part in (split.training, split.held_out)]
    assert not names[0] & names[1]
    assert names[0] | names[1] == {pair.name for pair in pairs}
    assert hold_out(pairs, seed=0).held_out[0].id == split.held_out[0].id


def test_single_nuclei_in_two_images_are_enough():
    split = hold_out([row_of_discs("a", 1), row_of_discs("b", 1)], seed=0)
    assert [region.id for region in split.training] == ["a"]
    assert [region.id for region in split.held_out] == ["b"]


@pytest.mark.parametrize("checked", [(), (2,)])
def test_fewer_than_two_checked_nuclei_are_too_few(checked):
    with pytest.raises(DatasetError, match="two checked nuclei or more"):
        hold_out([row_of_discs("a", 3, checked)], seed=0)


def test_an_image_where_nuclei_were_only_deleted_is_learnt_from():
    deleted = Pair("b", np.zeros((9, 9)), np.zeros((9, 9), np.int32))
    split = hold_out([row_of_discs("a", 3), deleted], seed=0)
    assert "b" in {region.id for region in split.training}
    assert {region.id for region in split.held_out} == {"a"}


def test_only_checked_nuclei_are_scored():
    pair = row_of_discs("a", 3)
    everything = score_regions(Brightness(), [whole_region(pair)], InstanceOptions(), ANY_SIZE)
    assert (everything.ap50, everything.n_true) == (1.0, 3)

    # Of what was not checked neither the labels nor the findings count.
    wrong = np.where(pair.labels == 3, 0, pair.labels)
    partly = Pair("a", pair.image, wrong, pair.labels != 3)
    scores = score_regions(Brightness(), [whole_region(partly)], InstanceOptions(), ANY_SIZE)
    assert (scores.ap50, scores.n_true, scores.n_predicted) == (1.0, 2, 2)

    missed = score_regions(
        Brightness(), [whole_region(Pair("a", pair.image, wrong))], InstanceOptions(), ANY_SIZE
    )
    assert missed.ap50 == pytest.approx(2 / 3)


def test_a_held_out_part_is_no_larger_than_what_was_checked_of_it():
    split = hold_out([row_of_discs("a", 9, (8, 9))], seed=0)
    (held_out,) = split.held_out
    width = held_out.labels.shape[1]
    assert width < 60
    assert held_out.n_checked == 1
