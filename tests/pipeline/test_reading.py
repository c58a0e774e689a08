"""Whether a file has the pixels that somebody has of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_nuclei.pipeline.reading import has_parts

STACK = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5)
ALL = slice(None)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", metadata={"axes": "ZCYX"})
    return path


def has(path: Path, pixels: Any, *part: Any, shape: Any = STACK.shape, flat: bool = False) -> bool:
    return has_parts(path, shape, [(part, pixels)], is_flat=flat)


def test_planes_of_a_stack_are_compared_page_by_page(stack: Path) -> None:
    assert has(stack, STACK[1, 2, :, 1:3], 1, 2, ALL, slice(1, 3))
    assert has(stack, STACK[0, 1], 0, 1)
    assert not has(stack, STACK[1, 1], 0, 1)
    assert not has(stack, STACK[0, 1].astype(np.float32), 0, 1)
    assert not has(stack, STACK[0, 1], 0, 1, shape=(5, 3, 4, 5))
    assert not has(stack, STACK[:, 1, 2], ALL, 1, 2)


def test_several_images_are_not_taken_for_the_first_one(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(STACK, photometric="minisblack")
        tiff.write(STACK[:1], photometric="minisblack")
    assert not has(tmp_path / "a.tif", STACK[0, 1], 0, 1)


@pytest.mark.parametrize("suffix", ["tif", "npy"])
def test_a_flat_image_is_compared_as_it_is_read(tmp_path: Path, suffix: str) -> None:
    plane = np.array([[np.nan, 1, 2], [3, 4, 5]], np.float32)
    path = tmp_path / f"plane.{suffix}"
    tifffile.imwrite(path, plane) if suffix == "tif" else np.save(path, plane)
    assert has(path, plane, shape=(2, 3), flat=True)
    assert has(path, plane[:, 1:], ALL, slice(1, 3), shape=(2, 3), flat=True)
    assert not has(path, 1 - plane, shape=(2, 3), flat=True)
    assert not has(path, plane, shape=(3, 3), flat=True)


def test_alpha_is_left_out_of_colours(tmp_path: Path) -> None:
    colours = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "colours.npy"
    np.save(path, colours)
    assert has(path, colours, shape=colours.shape, flat=True)
    assert not has(path, colours + 1, shape=colours.shape, flat=True)


@pytest.mark.parametrize("flat", [False, True])
def test_what_is_no_image_has_no_pixels(flat: bool, tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no image")
    assert not has(tmp_path / "text.tif", STACK[0, 0], 0, 0, flat=flat)
    assert not has(tmp_path / "nowhere.tif", STACK[0, 0], 0, 0, flat=flat)
