from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets.storage import FolderStore, StoredFile
from napari_nuclei.pipeline.pair_files import has_pixels, write_tiff

GREY = np.array([[0, 1, 2], [3, 4, 5]], np.uint16)


@pytest.mark.parametrize(
    "pixels",
    [GREY, GREY > 3, GREY / 2, np.dstack([GREY] * 3).astype(np.uint8)],
    ids=["uint16", "bool", "float", "colour"],
)
def test_pixels_that_were_written_are_known_again(pixels: np.ndarray, tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", pixels)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), pixels)
    file = StoredFile(FolderStore(tmp_path), "a.tif")
    assert has_pixels(file, pixels)
    assert not has_pixels(file, pixels[:, ::-1])


def test_of_a_file_of_another_size_the_pixels_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    write_tiff(path, noise)
    path.write_bytes(path.read_bytes()[:-40])  # of the pixels
    file = StoredFile(FolderStore(tmp_path), "a.tif")
    assert not has_pixels(file, GREY)
    with pytest.raises(DatasetError):
        has_pixels(file, noise)
