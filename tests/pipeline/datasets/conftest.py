"""Small real data sets, written file by file."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_nuclei.pipeline.datasets.storage import FolderStore, StoredFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Write = Callable[[str, Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes an array, or text, to a file of the data set."""

    def write_file(name: str, content: NDArray[Any] | str) -> Path:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        elif path.suffix == ".tif":
            tifffile.imwrite(path, content)
        elif path.suffix == ".npy":
            np.save(path, content, allow_pickle=True)
        else:
            Image.fromarray(content).save(path)
        return path

    return write_file


@pytest.fixture
def stored(write: Write) -> Callable[[str, Any], StoredFile]:
    """Return a function that writes a file and gives it as the package sees it."""

    def store(name: str, content: NDArray[Any] | str) -> StoredFile:
        path = write(name, content)
        return StoredFile(FolderStore(path.parent), path.name)

    return store


@pytest.fixture
def kaggle(write: Write, tmp_path: Path) -> Path:
    """Return a folder of two images, 6 x 8 pixels: "a" with two nuclei and "b" with one."""
    left, right = np.zeros((2, 6, 8), np.uint8)
    left[1:4, 1:3] = 255
    right[2:5, 5:8] = 255
    picture = np.full((6, 8, 4), 7, np.uint8)
    for name, masks in {"a": [left, right], "b": [right]}.items():
        write(f"{name}/images/{name}.png", picture)
        for number, mask in enumerate(masks):
            write(f"{name}/masks/{number}.png", mask)
    return tmp_path / "data"


@pytest.fixture
def course(write: Write, tmp_path: Path) -> Path:
    """Return a folder with train "1" and "2" and test "1", two nuclei in each image."""
    mask = np.array([[255, 0, 0], [0, 0, 255]], np.uint8)
    for name in ("train/{}/1.png", "train/{}/2.png", "test/{}/1.png"):
        write(name.format("inputs"), np.full((2, 3), 9, np.uint8))
        write(name.format("masks"), mask)
    return tmp_path / "data"


@pytest.fixture
def pairs(write: Write, tmp_path: Path) -> Path:
    """Return a folder of images and labels, "x" and "y", the labels as 16-bit TIFF."""
    for name in ("x", "y"):
        write(f"images/{name}.png", np.full((2, 3), 9, np.uint8))
        write(f"labels/{name}.tif", np.array([[5, 0, 0], [0, 0, 300]], np.uint16))
    return tmp_path / "data"


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that packs a folder into a zip, as is or inside one more folder."""

    def pack_folder(folder: Path, top: str = "") -> Path:
        path = tmp_path / "data.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, top + file.relative_to(folder).as_posix())
        return path

    return pack_folder
