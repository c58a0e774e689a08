from __future__ import annotations

import numpy as np
import pytest

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets.labels import merge_masks, read_label_image, separate_mask


def mask(*rows):
    """Return a 0/255 mask from strings with a "#" for each pixel inside."""
    return np.array([[255 if pixel == "#" else 0 for pixel in row] for row in rows], np.uint8)


def test_merges_masks_in_the_order_of_the_files(stored):
    files = [stored("1.png", mask("...#", "....")), stored("2.png", mask("##..", "#..."))]
    labels = merge_masks(files)
    assert labels.dtype == np.int32
    assert labels.tolist() == [[2, 2, 0, 1], [2, 0, 0, 0]]


@pytest.mark.parametrize("order", [("big", "small"), ("small", "big")])
def test_nucleus_drawn_inside_another_is_kept_in_any_order(stored, order):
    files = {
        "big": stored("big.png", mask("####", "####")),
        "small": stored("small.png", mask(".#..", "....")),
    }
    labels = merge_masks([files[name] for name in order])
    small, big = 1 + order.index("small"), 1 + order.index("big")
    assert labels.tolist() == [[big, small, big, big], [big, big, big, big]]


def test_duplicate_mask_is_refused(stored):
    files = [stored(f"{n}.png", mask("##.")) for n in (1, 2)]
    with pytest.raises(DatasetError, match=r"2\.png is covered entirely by other masks"):
        merge_masks(files)


def test_masks_of_different_sizes_are_refused(stored):
    files = [stored("1.png", mask("#..")), stored("2.png", mask("##..."))]
    with pytest.raises(DatasetError, match=r"2\.png has \(1, 5\) pixels .* have \(1, 3\)"):
        merge_masks(files)


def test_empty_mask_is_refused(stored):
    with pytest.raises(DatasetError, match=r"1\.png is empty, it marks no nucleus"):
        merge_masks([stored("1.png", mask("..."))])


@pytest.mark.parametrize("value", [1, 128, 254])
def test_mask_with_another_value_is_refused(stored, value):
    pixels = mask("#..", "...")
    pixels[1, 2] = value
    with pytest.raises(DatasetError, match=rf"1\.png is not a 0/255 mask.* value {value};"):
        merge_masks([stored("1.png", pixels)])


@pytest.mark.parametrize("inside", [1, 255])
def test_semantic_mask_becomes_one_id_a_region(stored, inside):
    pixels = np.array([[1, 1, 0, 0], [0, 0, 0, 1]], np.uint8) * inside
    labels = separate_mask([stored("1.png", pixels)])
    assert labels.dtype == np.int32
    assert labels.tolist() == [[1, 1, 0, 0], [0, 0, 0, 2]]


def test_diagonal_neighbours_are_one_region(stored):
    assert separate_mask([stored("1.png", mask("#.", ".#"))]).max() == 1


def test_semantic_mask_may_be_empty_or_boolean(stored):
    assert separate_mask([stored("1.png", mask("..."))]).tolist() == [[0, 0, 0]]
    assert separate_mask([stored("2.png", mask("#.#") > 0)]).tolist() == [[1, 0, 2]]


def test_label_image_in_place_of_a_semantic_mask_is_refused(stored):
    with pytest.raises(DatasetError, match=r"1\.png has values other than 0 and 255 .* up to 7;"):
        separate_mask([stored("1.png", np.array([[0, 3, 7]], np.uint8))])


def test_mask_that_mixes_1_and_255_is_refused(stored):
    with pytest.raises(DatasetError, match=r"1\.png has values other than"):
        separate_mask([stored("1.png", np.array([[0, 1, 255]], np.uint8))])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64])
def test_label_image_of_any_integer_type(stored, dtype):
    labels = read_label_image([stored("1.npy", np.array([[0, 3, 7]], dtype))])
    assert labels.dtype == np.int32
    assert labels.tolist() == [[0, 3, 7]]


def test_negative_labels_are_refused(stored):
    with pytest.raises(DatasetError, match=r"1\.npy has labels from -1 to 3; save ids between 0"):
        read_label_image([stored("1.npy", np.array([[-1, 3]], np.int16))])


def test_labels_beyond_int32_are_refused(stored):
    with pytest.raises(DatasetError, match=r"1\.npy has labels from 0 to 2147483648;"):
        read_label_image([stored("1.npy", np.array([[0, 2**31]], np.uint32))])


def test_one_id_on_separate_regions_is_refused(stored):
    with pytest.raises(DatasetError, match=r"1\.png has one id, 255, on 2 separate regions"):
        read_label_image([stored("1.png", mask("#.#"))])


def test_one_nucleus_and_no_nucleus_are_fine(stored):
    assert read_label_image([stored("1.png", mask("##."))]).tolist() == [[255, 255, 0]]
    assert read_label_image([stored("2.png", mask("..."))]).tolist() == [[0, 0, 0]]
