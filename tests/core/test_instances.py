from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage.segmentation import relabel_sequential, watershed

from napari_nuclei.core import instances
from napari_nuclei.core.instances import (
    InstanceOptions,
    centredness,
    confine,
    label_nuclei,
    nucleus_mask,
)
from napari_nuclei.core.metrics import score
from napari_nuclei.core.targets import make_targets
from napari_nuclei.errors import InputError

OPTIONS = InstanceOptions(probability=0.5, separation=0.5, min_area_px=0)
"""Written out: the defaults follow the shipped model."""
MAPS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)),
    elements=st.floats(0, 1, width=32),
)
TURNS = {
    "rot90": np.rot90,
    "flip y": np.flipud,
    "flip x": np.fliplr,
    "transpose": lambda array: np.swapaxes(array, 0, 1),
}


def ideal_maps(labels):
    """Return what a perfect network would say."""
    return make_targets(labels)[..., :3]


def discs(shape, centres, radii):
    """Draw discs with ids from 1; where two overlap, a pixel belongs to the nearer centre."""
    places = np.moveaxis(np.indices(shape), 0, -1)[..., np.newaxis, :]
    distance = np.linalg.norm(places - np.array(centres), axis=-1)
    nearest = distance.argmin(axis=-1)
    return np.where((distance <= radii).any(axis=-1), nearest + 1, 0)


def scattered_discs(seed):
    """Draw discs of many sizes, at least two pixels apart, some cut by the rim."""
    rng = np.random.default_rng(seed)
    cells = np.argwhere(np.ones((6, 6))) * 26 + 10
    radii = rng.uniform(2, 9, len(cells))
    jitter = rng.uniform(-1, 1, cells.shape) * (12 - radii)[:, np.newaxis]
    return discs((150, 150), cells + jitter, radii)


def smooth_noise(seed):
    """Draw maps of irregular nuclei that touch, no two values of which are equal."""
    noise = np.random.default_rng(seed).normal(size=(60, 60, 3))
    smooth = ndimage.gaussian_filter(noise, (3, 3, 0))
    return (0.5 + 2 * smooth).clip(0, 1).astype(np.float32)


def assert_same_up_to_ids(first, second):
    pairs = np.unique(np.stack([first.ravel(), second.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(first)) == len(np.unique(second))
    np.testing.assert_array_equal(first > 0, second > 0)


def test_two_touching_discs_come_out_as_two():
    truth = discs((40, 60), [(20, 20), (20, 38)], (11, 10))
    assert ndimage.label(truth)[1] == 1, "the discs must touch for the test to mean something"
    labels = label_nuclei(ideal_maps(truth), OPTIONS)
    assert score(truth, labels).ap50 == 1
    assert score(truth, labels).iou == 1
    assert labels.max() == 2


def test_border_parts_nuclei_where_the_distance_does_not():
    maps = np.zeros((9, 20, 3), np.float32)
    maps[1:8, 1:19, 0] = 1
    maps[1:8, 1:19, 2] = 0.9
    assert label_nuclei(maps, OPTIONS).max() == 1
    maps[:, 9:11, 1] = 1
    labels = label_nuclei(maps, OPTIONS)
    assert labels.max() == 2
    assert labels[4, 2] != labels[4, 17]


@pytest.mark.parametrize(("separation", "count"), [(0.3, 1), (0.5, 2)])
def test_higher_separation_parts_more(separation, count):
    maps = np.zeros((9, 30, 3), np.float32)
    maps[..., 0] = 1
    maps[..., 2] = [0.9] * 10 + [0.4] * 10 + [0.9] * 10
    assert label_nuclei(maps, replace(OPTIONS, separation=separation)).max() == count


def test_region_whose_centre_is_unsure_is_a_nucleus_all_the_same():
    maps = ideal_maps(discs((20, 40), [(10, 10), (10, 28)], (7, 7)))
    maps[:, 20:, 2] = 0
    labels = label_nuclei(maps, OPTIONS)
    np.testing.assert_array_equal(labels > 0, maps[..., 0] > 0.5)
    assert labels.max() == 2


def test_centre_outside_the_mask_makes_no_nucleus():
    maps = np.zeros((8, 8, 3), np.float32)
    maps[..., 2] = 1
    assert not label_nuclei(maps, OPTIONS).any()


@pytest.mark.parametrize(("min_area_px", "count"), [(0, 3), (1, 3), (2, 2), (4, 2), (5, 1)])
def test_nuclei_below_the_minimum_area_are_dropped(min_area_px, count):
    mask = np.array(
        [
            [1, 0, 1, 1, 0, 0],
            [0, 0, 1, 1, 0, 1],
            [0, 0, 0, 0, 0, 1],
            [0, 0, 0, 1, 1, 1],
        ]
    )
    maps = np.stack([mask, 0 * mask, 0 * mask], -1).astype(np.float32)
    labels = label_nuclei(maps, replace(OPTIONS, min_area_px=min_area_px))
    assert labels.max() == count
    assert set(np.unique(labels)) == set(range(count + 1))


def test_maps_are_confined_to_all_masks():
    maps = np.ones((1, 3, 3), np.float32)
    first, second = np.array([[True, True, False]]), np.array([[True, False, True]])
    confined = confine(maps, first, None, second)
    assert confined.dtype == np.float32
    assert confined[0].tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert maps.all()
    assert confine(maps, None) is maps


def test_thresholds_are_exclusive():
    maps = np.full((4, 4, 3), 0.5, np.float32)
    maps[..., 1] = 0
    assert not label_nuclei(maps, OPTIONS).any()
    assert not nucleus_mask(maps, 0.5).any()
    assert label_nuclei(maps, replace(OPTIONS, probability=0.49)).all()
    assert nucleus_mask(maps, 0.49).all()


@settings(deadline=None)
@given(MAPS, st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.integers(0, 8))
def test_labels_are_1_to_n_connected_and_large_enough(maps, probability, separation, min_area_px):
    labels = label_nuclei(maps, InstanceOptions(probability, separation, min_area_px))
    assert labels.dtype == np.int32
    assert labels.shape == maps.shape[:2]
    count = labels.max()
    assert set(np.unique(labels)) - {0} == set(range(1, count + 1))
    for index in range(1, count + 1):
        nucleus = labels == index
        assert ndimage.label(nucleus)[1] == 1
        assert nucleus.sum() >= min_area_px


@settings(deadline=None)
@given(MAPS, st.floats(0.1, 0.9), st.floats(0.1, 0.9))
def test_each_pixel_of_the_mask_belongs_to_a_nucleus(maps, probability, separation):
    labels = label_nuclei(maps, InstanceOptions(probability, separation, 0))
    np.testing.assert_array_equal(labels > 0, nucleus_mask(maps, probability))


@settings(deadline=None)
@given(MAPS)
def test_maps_are_not_changed(maps):
    before = maps.copy()
    label_nuclei(maps, OPTIONS)
    np.testing.assert_array_equal(maps, before)


def test_separate_discs_come_back_from_their_targets():
    found = [
        (truth := scattered_discs(seed), label_nuclei(ideal_maps(truth), OPTIONS))
        for seed in range(10)
    ]
    scores = [score(truth, labels) for truth, labels in found]
    assert sum(s.n_true for s in scores) == 360
    assert np.mean([s.ap50 for s in scores]) >= 0.99
    assert np.mean([s.mean_ap for s in scores]) >= 0.98


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
@pytest.mark.parametrize("seed", range(3))
def test_turned_maps_give_turned_labels(turn, seed):
    maps = smooth_noise(seed)
    labels = label_nuclei(maps, OPTIONS)
    assert labels.max() > ndimage.label(labels)[1], "some nuclei must touch"
    assert_same_up_to_ids(label_nuclei(turn(maps), OPTIONS), turn(labels))


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_turned_discs_give_turned_labels(turn):
    maps = ideal_maps(scattered_discs(0))
    assert_same_up_to_ids(label_nuclei(turn(maps), OPTIONS), turn(label_nuclei(maps, OPTIONS)))


@pytest.mark.parametrize("value", [0, 1, -0.5, 1.5, float("nan")])
@pytest.mark.parametrize("name", ["probability", "separation"])
def test_threshold_out_of_range_is_named(name, value):
    with pytest.raises(InputError, match=f"The {name} threshold is {value}"):
        InstanceOptions(**{name: value})


def test_negative_area_is_refused():
    with pytest.raises(InputError, match="The minimum area is -1"):
        InstanceOptions(min_area_px=-1)


def test_higher_separation_parts_more_and_loses_no_nucleus():
    # Two nuclei whose seam lies at 0.5, and a third whose centre nobody is sure of.
    centredness = np.array([0.9] * 8 + [0.5] * 2 + [0.8] * 8 + [0] * 6 + [0.2] * 8, np.float32)
    maps = np.zeros((16, 32, 3), np.float32)
    maps[4:12, :, 2] = centredness
    maps[..., 0] = maps[..., 2] > 0
    counts = [
        label_nuclei(maps, InstanceOptions(0.5, separation, 1)).max()
        for separation in (0.1, 0.3, 0.7, 0.95)
    ]
    assert counts == [2, 2, 3, 3]


def label_slowly(maps, options):
    """Do what `label_nuclei` says in the plainest way: every pixel takes part in every step."""
    mask = maps[..., 0] > options.probability
    depth = centredness(maps)
    markers, _ = ndimage.label(mask)
    for level in np.arange(options.separation, 0, -0.2)[::-1]:
        finer, count = ndimage.label(mask & (depth > level))
        parents = [markers[finer == region][0] for region in range(1, count + 1)]
        parted = [parent for parent in parents if parents.count(parent) > 1]
        markers = np.where(np.isin(markers, parted), finer + (finer > 0) * markers.max(), markers)
    labels = watershed(-depth, markers, mask=mask)
    areas_px = np.bincount(labels.ravel())
    return relabel_sequential(np.where((areas_px < options.min_area_px)[labels], 0, labels))[0]


@pytest.mark.parametrize("separation", [0.1, 0.35, 0.6, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_the_shortcuts_change_no_pixel(seed, separation):
    maps = smooth_noise(seed)
    options = InstanceOptions(0.5, separation, 12)
    labels = label_nuclei(maps, options)
    assert labels.max() > 1
    np.testing.assert_array_equal(labels, label_slowly(maps, options))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("band_px", [1, 7, 25])
def test_bands_cut_no_nucleus(seed, band_px, monkeypatch):
    maps = smooth_noise(seed)
    whole = label_nuclei(maps, OPTIONS)
    assert whole.max() > 1

    monkeypatch.setattr(instances, "_BAND_PX", band_px)
    in_bands = label_nuclei(maps, OPTIONS)

    assert_same_up_to_ids(in_bands, whole)
    assert set(np.unique(in_bands)) <= set(range(whole.max() + 1))


def test_labels_of_a_large_image_do_not_depend_on_who_is_first():
    maps = np.tile(smooth_noise(0), (20, 2, 1))

    np.testing.assert_array_equal(label_nuclei(maps, OPTIONS), label_nuclei(maps, OPTIONS))
