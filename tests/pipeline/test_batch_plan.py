"""What is refused before any work, so that no image and no result is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_nuclei.errors import InputError
from napari_nuclei.pipeline import batch_plan


def touch(folder: Path, *files: str) -> list[Path]:
    paths = [folder / file for file in files]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


Inputs = Callable[[Path], list[Path]]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (lambda root: [root / "nobody.png"], r"nobody\.png does not exist"),
        (lambda root: touch(root, "in/notes.txt")[0].parents[:1], r"in has no images \(\.bmp"),
        (lambda root: touch(root, "x/a.png", "y/a.png"), r"a\.png and .*a\.png would both write"),
        (lambda root: touch(root, "x/a.png", "y/A.PNG"), r"a\.png and .*A\.PNG would both write"),
        (lambda root: touch(root, "x/\u00e9.png", "y/e\u0301.png"), "would both write"),
        (lambda root: touch(root, "x/a.png", "out/a_labels.tif"), r"would replace the image .*out"),
        (lambda root: touch(root, "out/a.png")[0].parents[:1], r"The results cannot go to .*out"),
    ],
    ids=[
        "missing",
        "empty",
        "same name",
        "same but for case",
        "same on macOS",
        "replaces input",
        "into input",
    ],
)
def test_a_plan_that_would_lose_something_is_refused(
    inputs: Inputs, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=reason):
        batch_plan.plan_batch(list(inputs(tmp_path)), tmp_path / "out")


def test_an_image_that_is_named_twice_is_one(tmp_path: Path) -> None:
    image, other = touch(tmp_path / "in", "a.png", "b.png")
    plan = batch_plan.plan_batch([image, tmp_path / "in", image], tmp_path / "out")
    assert plan.images == (image, other)


def test_a_file_is_no_folder_of_images(tmp_path: Path) -> None:
    image = touch(tmp_path, "a.png")[0]
    with pytest.raises(InputError, match=r"a\.png is a file: choose the folder that it is in"):
        batch_plan.plan_folder(image, tmp_path / "out")


def test_a_folder_of_images_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"in does not exist: choose a folder with images"):
        batch_plan.plan_folder(tmp_path / "in", tmp_path / "out")


def test_results_cannot_go_to_a_file(tmp_path: Path) -> None:
    image, out = touch(tmp_path, "a.png", "out")
    with pytest.raises(InputError, match=r"out is a file: choose a folder"):
        batch_plan.plan_batch([image], out)


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_an_input_behind_a_link_is_not_replaced(tmp_path: Path) -> None:
    (image, labels) = touch(tmp_path, "in/a.png", "in/a_labels.tif")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(InputError, match="would replace the image"):
        batch_plan.plan_batch([image, labels], tmp_path / "link")


@pytest.mark.parametrize("ending", ["", ".unfinished"])
def test_an_image_leaves_the_results_of_a_zarr_of_its_stem(ending: str, tmp_path: Path) -> None:
    (image,) = touch(tmp_path, "in/cells.tif")
    (tmp_path / "out" / f"cells_labels.ome.zarr{ending}").mkdir(parents=True)
    assert batch_plan.plan_batch([image], tmp_path / "out").names == {image: "cells.tif"}
