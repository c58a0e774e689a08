from __future__ import annotations

import shutil

import numpy as np
import pytest

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets.layouts import find_items
from napari_nuclei.pipeline.datasets.storage import open_store

PICTURE = np.zeros((6, 8), np.uint8)


def items_of(path):
    layout, items = find_items(open_store(path))
    return layout, {item.id: item for item in items}


def refusal(path):
    with pytest.raises(DatasetError) as caught:
        find_items(open_store(path))
    return str(caught.value)


@pytest.mark.parametrize("top", [None, "", "stage1_train/"], ids=["folder", "zip", "zip in folder"])
def test_kaggle_layout(kaggle, pack, top):
    layout, items = items_of(kaggle if top is None else pack(kaggle, top))
    assert layout == "kaggle"
    assert {name: len(item.label_files) for name, item in items.items()} == {"a": 2, "b": 1}
    assert items["a"].shape == (6, 8)
    assert items["a"].read_image().shape == (6, 8, 3)
    labels = items["a"].read_labels()
    assert [np.count_nonzero(labels == i) for i in (1, 2, 3)] == [6, 9, 0]


@pytest.mark.parametrize("packed", [False, True])
def test_kaggle_layout_with_a_single_image_is_not_taken_for_pairs(kaggle, pack, packed):
    shutil.rmtree(kaggle / "b")
    layout, items = items_of(pack(kaggle) if packed else kaggle)
    assert (layout, list(items)) == ("kaggle", ["a"])


@pytest.mark.parametrize("top", [None, "", "nuclei/"])
def test_course_layout(course, pack, top):
    layout, items = items_of(course if top is None else pack(course, top))
    assert layout == "course"
    assert {name: item.group for name, item in items.items()} == {
        "test/1": "test",
        "train/1": "train",
        "train/2": "train",
    }
    assert items["train/2"].read_labels().tolist() == [[1, 0, 0], [0, 0, 2]]


def test_course_layout_without_its_test_part(course):
    shutil.rmtree(course / "test")
    layout, items = items_of(course)
    assert (layout, list(items)) == ("course", ["train/1", "train/2"])


@pytest.mark.parametrize("top", [None, "", "nuclei/"])
@pytest.mark.parametrize("labels", ["labels", "masks"])
def test_pairs_layout(pairs, pack, labels, top):
    (pairs / "labels").rename(pairs / labels)
    layout, items = items_of(pairs if top is None else pack(pairs, top))
    assert layout == "pairs"
    assert list(items) == ["x", "y"]
    assert items["y"].read_labels().tolist() == [[5, 0, 0], [0, 0, 300]]


def test_empty_folder_is_named(tmp_path):
    assert f"{tmp_path} is empty" in refusal(tmp_path)


def test_unknown_layout_is_named(write, tmp_path):
    write("pictures/a.png", PICTURE)
    write("more/b.png", PICTURE)
    assert f"{tmp_path / 'data'} has none of the known layouts" in refusal(tmp_path / "data")


def test_image_without_masks_folder(kaggle):
    shutil.rmtree(kaggle / "b" / "masks")
    assert f"{kaggle / 'b' / 'masks'} is missing" in refusal(kaggle)


@pytest.mark.parametrize("packed", [False, True])
def test_image_with_empty_masks_folder(kaggle, pack, packed):
    (kaggle / "b" / "masks" / "0.png").unlink()
    path = pack(kaggle) if packed else kaggle
    assert f"{path / 'b' / 'masks'} is empty" in refusal(path)


def test_masks_without_image(kaggle):
    shutil.rmtree(kaggle / "b" / "images")
    assert f"{kaggle / 'b' / 'images'} is missing" in refusal(kaggle)


def test_folder_of_an_image_with_nothing_in_it(kaggle):
    (kaggle / "c").mkdir()
    assert f"{kaggle / 'c' / 'images'} is missing" in refusal(kaggle)


def test_kaggle_picture_with_another_name(kaggle):
    (kaggle / "b" / "images" / "b.png").rename(kaggle / "b" / "images" / "z.png")
    assert f"{kaggle / 'b' / 'images' / 'z.png'} should have the name of its folder, b" in refusal(
        kaggle
    )


def test_kaggle_image_with_two_pictures(kaggle, write):
    second = write("b/images/c.png", PICTURE)
    assert f"{second} is a second picture for b" in refusal(kaggle)


def test_mask_of_another_size(kaggle, write):
    mask = write("b/masks/0.png", np.full((6, 9), 255, np.uint8))
    assert f"{mask} has 6 x 9 pixels where its image has 6 x 8" in refusal(kaggle)


def test_mask_that_is_text(kaggle, write):
    mask = write("b/masks/0.png", "text")
    assert f"{mask} cannot be read (it is not a PNG" in refusal(kaggle)


def test_file_that_is_no_image(kaggle, write):
    notes = write("b/masks/notes.txt", "text")
    assert f"{notes} is not in a format that is read here" in refusal(kaggle)


def test_folder_among_the_masks(kaggle, write):
    write("b/masks/more/1.png", PICTURE)
    assert f"{kaggle / 'b' / 'masks' / 'more'} is a folder" in refusal(kaggle)


def test_image_without_label(pairs):
    (pairs / "labels" / "y.tif").unlink()
    message = refusal(pairs)
    assert f"{pairs / 'images' / 'y.png'} has no mask of the same name" in message


def test_label_without_image(pairs):
    (pairs / "images" / "y.png").unlink()
    message = refusal(pairs)
    assert f"{pairs / 'labels' / 'y.tif'} has no image of the same name" in message


def test_label_with_another_name(pairs):
    (pairs / "labels" / "y.tif").rename(pairs / "labels" / "y_mask.tif")
    message = refusal(pairs)
    assert f"{pairs / 'images' / 'y.png'} has no mask of the same name" in message


def test_two_images_of_one_name(pairs, write):
    write("images/y.tif", PICTURE)
    message = refusal(pairs)
    assert f"{pairs / 'images' / 'y.tif'} has the same name as" in message


def test_labels_and_masks(pairs):
    shutil.copytree(pairs / "labels", pairs / "masks")
    assert f"{pairs} has both labels/ and masks/" in refusal(pairs)


def test_pairs_without_labels(pairs):
    shutil.rmtree(pairs / "labels")
    assert f"{pairs / 'labels'} is missing" in refusal(pairs)


def test_course_part_without_masks(course):
    shutil.rmtree(course / "test" / "masks")
    assert f"{course / 'test' / 'masks'} is missing" in refusal(course)


def test_course_image_without_mask(course):
    (course / "train" / "masks" / "2.png").unlink()
    assert f"{course / 'train' / 'inputs' / '2.png'} has no mask" in refusal(course)
