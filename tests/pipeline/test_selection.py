"""Which part of a file is segmented, as text and as pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal

from napari_nuclei.errors import DatasetError, InputError
from napari_nuclei.pipeline.selection import Selection, format_part, parse_part

if TYPE_CHECKING:
    from napari_nuclei.pipeline.reading import Part

STACK = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5)
ALL = slice(None)
PARTS: dict[str, Part] = {
    "2": (2,),
    "0,:,10:90": (0, ALL, slice(10, 90)),
    ":7,8:": (slice(None, 7), slice(8, None)),
}


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", metadata={"axes": "ZCYX"})
    return path


@pytest.mark.parametrize("text", PARTS)
def test_a_part_is_written_as_python_writes_it(text: str) -> None:
    assert parse_part(text) == PARTS[text]
    assert format_part(PARTS[text]) == text


@pytest.mark.parametrize("text", ["", "z=2", "-1", "1,,2", "1:2:3", "1.5"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no number counted from 0"):
        parse_part(text)


def test_links_need_planes() -> None:
    assert Selection(names=("t", "z"), link="z").link_axis == 1
    assert Selection(names=("t", "z")).link_axis is None
    with pytest.raises(InputError, match="There are no planes along z"):
        Selection(names=("t",), link="z")


def test_a_part_of_a_stack_is_read(stack: Path) -> None:
    assert_array_equal(Selection((1, 2)).read(stack), STACK[1, 2])
    assert_array_equal(Selection((1, 2, slice(1, 3))).read(stack), STACK[1, 2, 1:3])
    assert_array_equal(Selection((ALL, 2), ("z",)).read(stack), STACK[:, 2])
    assert_array_equal(Selection((), ("z", "c")).read(stack), STACK)


def test_a_part_of_a_plane_is_read_as_an_image(tmp_path: Path) -> None:
    colours = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    np.save(tmp_path / "a.npy", colours)
    part = Selection((ALL, slice(1, 3)))
    assert_array_equal(part.read(tmp_path / "a.npy"), colours[:, 1:, :3])
    assert_array_equal(Selection().read(tmp_path / "a.npy"), colours[..., :3])


@pytest.mark.parametrize("part", [(2, 0), (0, 0, 0, 0, 0)])
def test_a_part_that_is_not_there_is_named(part: Part, stack: Path) -> None:
    with pytest.raises(InputError, match=rf"stack\.tif has no part {format_part(part)}: count"):
        Selection(part).read(stack)


def test_planes_of_one_of_several_images_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(np.zeros((2, 8, 9), np.uint8))
        tiff.write(np.zeros((2, 4, 9), np.uint8))
    with pytest.raises(DatasetError, match=r"as a TIFF stack \(it holds 2 images instead of one\)"):
        Selection((), ("z",)).read(tmp_path / "a.tif")


def test_planes_of_what_is_no_tiff_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(DatasetError, match=r"a\.png cannot be read as a TIFF stack"):
        Selection((0,)).read(tmp_path / "a.png")


@pytest.mark.parametrize(("part", "names"), [((), ("t",)), ((0,), ())])
def test_an_axis_that_is_left_over_is_told(
    part: Part, names: tuple[str, ...], tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 5, 6, 7), np.uint8))
    with pytest.raises(InputError, match=r"a\.tif: the shape that is left is \(.*: choose along"):
        Selection(part, names).read(tmp_path / "a.tif")


def test_colours_are_no_axis_that_is_left_over(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 6, 7, 3), np.uint8), photometric="rgb")
    assert Selection((), ("t",)).read(tmp_path / "a.tif").shape == (2, 6, 7, 3)
    assert Selection((1,)).read(tmp_path / "a.tif").shape == (6, 7, 3)
