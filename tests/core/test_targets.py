from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from napari_nuclei.core.targets import TARGETS, border_between, distance_to_edge, make_targets

LABELS = hnp.arrays(
    np.int32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements={"min_value": 0, "max_value": 3},
)


def thirds(values):
    return np.array(values, np.float32) / 3


def test_depth_grows_from_the_edge_to_one_in_the_middle():
    labels = np.pad(np.full((5, 5), 7), 1)
    expected = thirds(
        [
            [0, 0, 0, 0, 0, 0, 0],
            [0, 1, 1, 1, 1, 1, 0],
            [0, 1, 2, 2, 2, 1, 0],
            [0, 1, 2, 3, 2, 1, 0],
            [0, 1, 2, 2, 2, 1, 0],
            [0, 1, 1, 1, 1, 1, 0],
            [0, 0, 0, 0, 0, 0, 0],
        ]
    )
    np.testing.assert_allclose(distance_to_edge(labels), expected, atol=1e-6)


def test_seam_of_touching_nuclei_is_an_edge_and_the_rim_of_the_image_is_none():
    labels = np.array([[1, 1, 1, 2, 2, 2]] * 3)
    expected = thirds([[3, 2, 1, 1, 2, 3]] * 3)
    np.testing.assert_allclose(distance_to_edge(labels), expected, atol=1e-6)


def test_nucleus_that_fills_the_image_has_no_edge():
    np.testing.assert_array_equal(distance_to_edge(np.full((4, 5), 2)), np.ones((4, 5)))


def test_small_nucleus_is_as_deep_as_a_large_one():
    labels = np.zeros((12, 20), int)
    labels[1:4, 1:4] = 1
    labels[1:10, 6:15] = 2
    depth = distance_to_edge(labels)
    assert depth[2, 2] == 1
    assert depth[5, 10] == 1


@settings(deadline=None)
@given(LABELS)
def test_depth_is_0_outside_and_reaches_1_in_each_nucleus(labels):
    depth = distance_to_edge(labels)
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(depth > 0, labels > 0)
    for index in set(labels.ravel()) - {0}:
        assert depth[labels == index].max() == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
@pytest.mark.parametrize(
    ("labels", "border"),
    [
        ([1, 1, 1, 1, 1, 2, 2, 2, 2, 2], [0, 0, 0, 1, 1, 1, 1, 0, 0, 0]),
        ([1, 1, 1, 0, 0, 2, 2, 2], [0, 0, 0, 1, 1, 0, 0, 0]),
        ([1, 1, 0, 0, 0, 2, 2], [0, 0, 0, 1, 0, 0, 0]),
        ([1, 1, 0, 0, 0, 0, 2, 2], [0] * 8),
        ([1, 1, 0, 1, 1], [0] * 5),
        ([0, 0, 0, 0], [0] * 4),
    ],
)
def test_border_is_where_two_nuclei_come_into_five_pixels(labels, border, dtype):
    found = border_between(np.array([labels], dtype))
    assert found.astype(int).tolist() == [border]


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_largest_id_of_the_type_is_an_id_like_any_other(dtype):
    top = np.iinfo(dtype).max
    labels = np.array([[top, top, 0, 0, 3, 3, 3, 3]], dtype)
    assert border_between(labels).astype(int).tolist() == [[0, 0, 1, 1, 0, 0, 0, 0]]


@settings(deadline=None)
@given(LABELS)
def test_targets_turn_and_flip_with_the_labels(labels):
    targets = make_targets(labels)
    np.testing.assert_allclose(make_targets(np.rot90(labels)), np.rot90(targets), atol=1e-6)
    np.testing.assert_allclose(make_targets(labels[:, ::-1]), targets[:, ::-1], atol=1e-6)


@settings(deadline=None)
@given(LABELS)
def test_ids_play_no_part_in_the_targets(labels):
    renamed = np.array([0, 9, 4, 6])[labels]
    np.testing.assert_array_equal(make_targets(renamed), make_targets(labels))


def test_channels_are_nucleus_border_distance_and_weight():
    labels = np.array([[1, 1, 1, 0, 0, 2, 2, 2, 0, 0]])
    target = make_targets(labels)
    assert target.dtype == np.float32
    by_name = dict(zip(TARGETS, target[0].T.tolist(), strict=True))
    assert by_name == {
        "nucleus": [1, 1, 1, 0, 0, 1, 1, 1, 0, 0],
        "border": [0, 0, 0, 1, 1, 0, 0, 0, 0, 0],
        "distance": pytest.approx([1, 2 / 3, 1 / 3, 0, 0, 0.5, 1, 0.5, 0, 0]),
        "weight": [1] * 10,
    }


def test_distance_and_weight_are_taken_when_given():
    given_distance = np.array([[0.5, 0.25]], np.float32)
    given_weight = np.array([[0, 2]], np.float32)
    target = make_targets(np.array([[1, 1]]), given_distance, given_weight)
    np.testing.assert_array_equal(target[..., 2], given_distance)
    np.testing.assert_array_equal(target[..., 3], given_weight)


def test_distance_takes_ids_of_any_size():
    small = np.array([[0, 1, 1, 1, 0, 2, 2, 2]])
    huge = np.where(small == 2, np.iinfo(np.int32).max, small).astype(np.int32)
    np.testing.assert_array_equal(distance_to_edge(huge), distance_to_edge(small))
