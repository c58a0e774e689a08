from __future__ import annotations

import numpy as np
import pytest

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets import (
    Split,
    describe,
    open_dataset,
    read_splits,
    split_by_image,
)


def ids(dataset):
    return [item.id for item in dataset.items]


def test_opens_folder_and_zip_alike(kaggle, pack):
    folder, archive = open_dataset(kaggle), open_dataset(pack(kaggle, "stage1_train/"))
    assert ids(folder) == ids(archive) == ["a", "b"]
    for one, other in zip(folder.items, archive.items, strict=True):
        np.testing.assert_array_equal(one.read_image(), other.read_image())
        np.testing.assert_array_equal(one.read_labels(), other.read_labels())


def test_select_keeps_one_split_and_learns_the_kinds(kaggle):
    splits = {"a": Split("fluo", "train"), "b": Split("stained", "val")}
    chosen = open_dataset(kaggle).select(splits, "val")
    assert [(item.id, item.kind) for item in chosen.items] == [("b", "stained")]


def test_select_leaves_out_images_that_the_file_does_not_name(kaggle):
    assert ids(open_dataset(kaggle).select({"a": Split("fluo", "val")}, "val")) == ["a"]


def test_select_of_a_split_without_images_is_refused(kaggle):
    splits = {"a": Split("fluo", "train"), "b": Split("fluo", "val")}
    with pytest.raises(DatasetError, match="no image for the split 'test'; its splits: train, val"):
        open_dataset(kaggle).select(splits, "test")


def test_select_of_an_image_that_is_not_there_is_refused(kaggle):
    splits = {"a": Split("fluo", "val"), "q": Split("fluo", "val")}
    with pytest.raises(DatasetError, match=r"lacks 1 of the 2 images .* 'val', q for one"):
        open_dataset(kaggle).select(splits, "val")


def test_groups_of_the_course_layout(course):
    dataset = open_dataset(course)
    assert dataset.groups == ("test", "train")
    assert ids(dataset.in_group("train")) == ["train/1", "train/2"]


def test_unknown_group_is_refused(course):
    with pytest.raises(DatasetError, match="has no part 'val'"):
        open_dataset(course).in_group("val")


def test_split_by_image_is_disjoint_and_complete(course):
    dataset = open_dataset(course)
    train, val = split_by_image(dataset, 0.2, seed=1)
    assert len(val.items) == 1
    assert sorted(ids(train) + ids(val)) == ids(dataset)


def test_single_image_goes_to_training(kaggle):
    dataset = open_dataset(kaggle).select({"a": Split("fluo", "all")}, "all")
    train, val = split_by_image(dataset, 0.2, seed=0)
    assert (ids(train), ids(val)) == (["a"], [])


def test_describe_counts(kaggle, write):
    write("c/images/c.png", np.zeros((3, 3), np.uint8))
    write("c/masks/0.png", np.full((3, 3), 255, np.uint8))
    summary = describe(open_dataset(kaggle), count_nuclei=True)
    assert (summary.layout, summary.n_images, summary.n_label_files) == ("kaggle", 3, 4)
    assert list(summary.sizes.items()) == [((6, 8), 2), ((3, 3), 1)]
    assert (summary.kinds, summary.groups) == ({"image": 3}, {})
    assert summary.n_nuclei == 4


def test_describe_reads_no_labels_unless_asked(course, write):
    write("test/masks/1.png", np.full((2, 3), 77, np.uint8))
    summary = describe(open_dataset(course))
    assert (summary.n_nuclei, summary.groups) == (None, {"test": 1, "train": 2})
    with pytest.raises(DatasetError, match="values other than 0 and 255"):
        describe(open_dataset(course), count_nuclei=True)


def test_dsb2018_as_it_is_shipped(dsb2018_zip, dsb2018_splits):
    dataset = open_dataset(dsb2018_zip)
    splits = read_splits(dsb2018_splits)
    assert (dataset.layout, len(dataset.items)) == ("kaggle", 598)
    assert len(dataset.select(splits, "train").items) == 540
    val = describe(dataset.select(splits, "val"))
    assert val.kinds == {"fluorescence": 47, "stained": 10, "brightfield": 1}
    first = dataset.items[0]
    assert first.read_image().shape == (*first.shape, 3)
    assert first.read_labels().max() == len(first.label_files) > 0
