from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from napari_nuclei.errors import DatasetError, InputError
from napari_nuclei.pipeline import projects
from napari_nuclei.pipeline.datasets import open_dataset
from napari_nuclei.pipeline.projects import Pair, Project

LABELS = np.array([[0, 70_000, 70_000], [3, 3, 0]], np.int32)
CHECKED = LABELS == 3
GREY = np.array([[0, 700, 65_535], [1, 2, 3]], np.uint16)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


def pair(name="cells", image=GREY, labels=LABELS, checked=CHECKED):
    return Pair(name, image, labels, checked)


def hand_made(folder, *, checked):
    for kind, values in (("images", GREY), ("labels", (LABELS % 9).astype(np.uint8))):
        (folder / kind).mkdir(parents=True)
        iio.imwrite(folder / kind / "a.png", values)
    if checked:
        (folder / "checked").mkdir()
        iio.imwrite(folder / "checked" / "a.png", CHECKED.astype(np.uint8) * 255)
    return Project(folder)


@pytest.mark.parametrize(
    "image",
    [
        GREY,
        GREY > 2,
        GREY.astype(np.float64) / 7,
        GREY.astype(np.int16),
        np.arange(18, dtype=np.uint8).reshape(2, 3, 3),
        np.arange(18, dtype=np.float32).reshape(2, 3, 3),
    ],
    ids=lambda image: f"{image.dtype}-{image.ndim}d",
)
def test_a_pair_comes_back_as_it_was(project, image):
    project.save(pair(image=image))
    again = Project(project.folder)
    assert again.names == ("cells",)
    found = again.read("cells")
    np.testing.assert_array_equal(found.image, image)
    np.testing.assert_array_equal(found.labels, LABELS)
    np.testing.assert_array_equal(found.checked, CHECKED)
    assert (found.labels.dtype, found.checked.dtype) == (np.int32, np.bool_)
    assert found.n_checked == 1


def test_a_pair_without_a_mask_was_checked_everywhere(project):
    project.save(pair(checked=None))
    assert project.read("cells").checked.all()
    assert project.read("cells").n_checked == 2


def test_new_labels_replace_those_before(project):
    project.save(pair())
    project.save(pair(labels=LABELS.T.reshape(2, 3).copy(), checked=None))
    np.testing.assert_array_equal(project.read("cells").labels, LABELS.T.reshape(2, 3))


def test_pairs_are_sorted_and_removed_without_a_trace(project):
    for name in ("b", "a"):
        project.save(pair(name))
    assert project.names == ("a", "b")
    project.remove("a")
    assert project.names == ("b",)
    assert {path.stem for path in project.folder.rglob("*.tif")} == {"b"}
    with pytest.raises(DatasetError, match="no pair named a"):
        project.remove("a")
    with pytest.raises(DatasetError, match="no pair named a"):
        project.read("a")


def test_another_image_does_not_take_a_name_that_is_in_use(project):
    project.save(pair())
    with pytest.raises(DatasetError, match="another image is named cells; choose another name"):
        project.save(pair(image=GREY + 1))
    np.testing.assert_array_equal(project.read("cells").image, GREY)


@pytest.mark.parametrize("image", [np.where(GREY > 3, np.nan, GREY), GREY > 2], ids=["nan", "bool"])
def test_an_image_with_nan_or_of_bool_keeps_its_name(project, image):
    project.save(pair(image=image))
    project.save(pair(image=image, checked=None))
    assert project.names == ("cells",)
    assert project.read("cells").checked.all()


def test_names_that_are_one_on_some_systems_are_one_everywhere(project):
    project.save(pair("Cells"))
    with pytest.raises(DatasetError, match="another image is named Cells; choose another name"):
        project.save(pair("cells", image=GREY + 1))
    project.save(pair("cells", checked=None))
    assert project.names == ("Cells",)
    assert project.read("Cells").checked.all()


def test_a_hidden_file_makes_no_folder_another_ones(project):
    project.folder.mkdir()
    (project.folder / ".DS_Store").write_text("")
    assert project.names == ()
    project.save(pair())
    assert project.names == ("cells",)


def test_where_nothing_is_there_are_no_pairs(project):
    assert project.names == ()
    project.folder.mkdir()
    assert project.names == ()


@pytest.mark.parametrize("checked", [False, True])
def test_a_hand_made_pair_has_an_ordinary_file_name(tmp_path, checked):
    hand_made(tmp_path, checked=checked)
    for path in tmp_path.rglob("a.png"):
        path.rename(path.with_stem("_img (1)+#,="))
    project = Project(tmp_path)
    project.save(project.read("_img (1)+#,="))
    assert project.names == ("_img (1)+#,=",)


@pytest.mark.parametrize("checked", [False, True])
def test_a_folder_made_by_hand_is_read_and_written(tmp_path, checked):
    project = hand_made(tmp_path / "hand", checked=checked)
    assert project.names == ("a",)
    found = project.read("a")
    np.testing.assert_array_equal(found.labels, LABELS % 9)
    assert (found.checked is not None) == checked
    project.save(replace(found, labels=LABELS))
    np.testing.assert_array_equal(Project(project.folder).read("a").labels, LABELS)
    np.testing.assert_array_equal(Project(project.folder).read("a").image, GREY)


@pytest.mark.parametrize(
    "layout",
    [
        ("images/a", "masks/a"),
        ("a/images/a", "a/masks/1"),
        ("train/inputs/a", "train/masks/a"),
        ("set/images/a", "set/labels/a"),
    ],
    ids=["pairs with masks", "kaggle", "course", "pairs in a folder"],
)
def test_a_data_set_of_another_layout_is_read_and_never_written(tmp_path, layout):
    for file in layout:
        (tmp_path / file).parent.mkdir(parents=True)
        iio.imwrite(tmp_path / f"{file}.png", (LABELS > 3).astype(np.uint8))
    project = Project(tmp_path)
    (name,) = project.names
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatasetError, match="choose an empty folder"):
        project.save(pair("new"))
    with pytest.raises(DatasetError, match="choose an empty folder"):
        project.remove(name)
    assert sorted(tmp_path.rglob("*")) == before
    assert project.names == (name,)


def test_a_corrected_pair_that_was_made_by_hand_is_removed_with_all_its_files(tmp_path):
    project = hand_made(tmp_path, checked=True)
    project.save(pair("a"))
    project.remove("a")
    assert project.names == ()
    assert [path.name for path in tmp_path.rglob("*.*")] == ["project.json"]


def test_the_last_pair_made_by_hand_is_removed_like_any_other(tmp_path):
    project = hand_made(tmp_path, checked=True)
    project.remove("a")
    assert project.names == ()
    assert [path.name for path in tmp_path.rglob("*.*")] == ["project.json"]
    project.save(pair("b"))
    assert project.names == ("b",)


def test_an_interrupted_removal_leaves_the_other_pairs_made_by_hand(tmp_path, monkeypatch):
    project = hand_made(tmp_path, checked=False)
    for kind in ("images", "labels"):
        (tmp_path / kind / "b.png").write_bytes((tmp_path / kind / "a.png").read_bytes())
    unlink = Path.unlink

    def refuse_image(self, **options):
        if self.parent.name == "images":
            raise OSError(errno.EACCES, "Permission denied")
        unlink(self, **options)

    monkeypatch.setattr(Path, "unlink", refuse_image)
    with pytest.raises(DatasetError, match="a cannot be removed"):
        project.remove("a")
    assert project.names == ("b",)


def test_one_nucleus_of_two_pieces_is_read_again(project):
    labels = np.array([[4, 0, 4], [0, 0, 0]], np.int32)
    project.save(pair(labels=labels, checked=labels > 0))
    np.testing.assert_array_equal(project.read("cells").labels, labels)


def test_a_mask_that_nobody_checked_is_refused_in_a_project_too(project):
    project.save(pair(labels=np.array([[4, 0, 4], [0, 0, 0]], np.int32)))
    (project.folder / "checked" / "cells.tif").unlink()
    with pytest.raises(DatasetError, match="one id, 4, on 2 separate regions"):
        project.read("cells")


def test_all_pairs_of_a_data_set_are_read_with_one_look_at_it(tmp_path, monkeypatch):
    hand_made(tmp_path, checked=False)
    for kind in ("images", "labels"):
        for name in "bc":
            (tmp_path / kind / f"{name}.png").write_bytes((tmp_path / kind / "a.png").read_bytes())
    opened = []

    def open_and_count(folder):
        opened.append(folder)
        return open_dataset(folder)

    monkeypatch.setattr(projects, "open_dataset", open_and_count)
    assert [found.name for found in Project(tmp_path).pairs()] == ["a", "b", "c"]
    assert opened == [tmp_path]


def test_an_image_that_could_not_be_read_again_is_refused(monkeypatch):
    monkeypatch.setattr(projects, "MAX_PIXELS", 5)
    with pytest.raises(InputError, match="6 pixels are more than the 5 that are read: save parts"):
        pair()


def test_what_is_no_data_set_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DatasetError, match="none of the known layouts"):
        Project(tmp_path).save(pair())
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_an_interrupted_save_of_a_new_pair_leaves_the_others(project, monkeypatch, stop_at):
    project.save(pair("old"))
    with monkeypatch.context() as patch:
        fill_the_disk(patch, stop_at)
        with pytest.raises(DatasetError, match=r"new cannot be written \(No space left on device"):
            project.save(pair("new"))
    assert project.names == ("old",)
    project.save(pair("new"))
    assert project.names == ("new", "old")


@pytest.mark.parametrize("stop_at", [1, 2])
def test_what_was_just_checked_never_vouches_for_the_labels_before(project, monkeypatch, stop_at):
    project.save(pair())
    corrected = np.where(LABELS == 70_000, 0, LABELS)
    with monkeypatch.context() as patch:
        fill_the_disk(patch, stop_at)
        with pytest.raises(DatasetError, match="No space left"):
            project.save(pair(labels=corrected, checked=None))
    found = project.read("cells")
    np.testing.assert_array_equal(found.labels[found.checked], corrected[found.checked])


def fill_the_disk(patch, stop_at):
    """Let the `stop_at`-th file be the one that has no room."""
    written = []
    original = Path.replace

    def replace_or_fail(self, target):
        written.append(target)
        if len(written) == stop_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(self, target)

    patch.setattr(Path, "replace", replace_or_fail)


@pytest.mark.parametrize(
    ("content", "message"),
    [('{"format": 2}', "update napari-nuclei"), ("[]", "damaged"), ("{", "damaged")],
)
def test_a_marker_of_another_version_is_refused(project, content, message):
    project.save(pair())
    (project.folder / "project.json").write_text(content)
    with pytest.raises(DatasetError, match=message):
        Project(project.folder).read("cells")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../cells"}, "cannot be that of a file"),
        ({"name": ".cells"}, "cannot be that of a file"),
        ({"name": ""}, "cannot be that of a file"),
        ({"name": "con"}, "cannot be that of a file"),
        ({"image": GREY[:1]}, r"the image has shape \(1, 3\)"),
        ({"checked": CHECKED[:, :1]}, r"mask of what was checked has shape \(2, 1\)"),
        ({"labels": LABELS - 5}, "integers of 0"),
        ({"labels": LABELS.astype(np.int64) << 32}, "labels go up to 300647710720000: number them"),
        ({"labels": LABELS.astype(np.uint32) + 2**31}, "labels go up to 2147553648: number them"),
        ({"labels": LABELS.astype(np.float32)}, "integers of 0"),
    ],
)
def test_what_does_not_belong_together_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        replace(pair(), **changes)
