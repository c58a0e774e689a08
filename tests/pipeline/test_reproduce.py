"""The texts; that they give the same labels is shown in tests/ui/test_results_panel.py."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_nuclei.cli import make_parser
from napari_nuclei.core.regions import Region
from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.reproduce import ImageSource, as_command, as_python

OPTIONS = {
    "tile_px": 64,
    "halo_px": 8,
    "batch_size": 16,
    "diameter_px": 23.123456789012345,
    "probability": 0.45,
    "separation": 0.3,
    "min_area_px": 12,
    "semantic": False,
    "device": "cpu",
}
FILE = ImageSource("cells", Path("my images") / "cells.tif")


def recipe(model: str = "default", **options: Any) -> dict[str, Any]:
    return {
        "model": {"name": model, "sha256": "ab" * 32},
        "options": OPTIONS | options,
        "versions": {"napari-nuclei": "1.2"},
    }


def arguments(text: str) -> Any:
    (line,) = [line for line in text.splitlines() if not line.startswith("#")]
    return make_parser().parse_args(shlex.split(line)[1:])


def test_the_command_has_every_option_exactly() -> None:
    args = arguments(as_command(recipe("mine"), FILE))
    assert args.inputs == [FILE.path]
    assert args.model == "mine"
    assert (args.tile, args.halo, args.diameter) == (64, 8, OPTIONS["diameter_px"])
    assert (args.threshold, args.separation, args.min_area) == (0.45, 0.3, 12)
    assert args.device == "cpu"
    assert not args.semantic


def test_the_command_knows_no_diameter_and_semantic() -> None:
    args = arguments(as_command(recipe(diameter_px=None, semantic=True), FILE))
    assert args.diameter is None
    assert args.semantic
    assert args.model is None


def test_python_has_every_option_exactly() -> None:
    text = as_python(recipe("mine"), FILE)
    compile(text, "recipe", "exec")
    assert text.startswith(f"# napari-nuclei 1.2, model mine of sha256 {'ab' * 32}\n")
    assert "image = read_image('my images/cells.tif')\n" in text.replace("\\\\", "/")
    for name, value in {**OPTIONS, "model": "mine", "rgb": False}.items():
        assert f"    {name}={value!r},\n" in text
    assert "model=" not in as_python(recipe(), FILE)


def test_pixels_without_a_file_are_explained() -> None:
    source = ImageSource("it's", None, (2, slice(None, 9), slice(4, None)))
    python, command = as_python(recipe(), source), as_command(recipe(), source)
    compile(python, "recipe", "exec")
    place = """the part [2, :9, 4:] of the layer "it's\""""
    assert f"# For napari's console. Elsewhere, put the pixels of {place} here.\n" in python
    assert """image = viewer.layers["it's"].data[2, :9, 4:]\n""" in python
    assert f"# First save {place} as IMAGE.tif.\n" in command
    assert [str(path) for path in arguments(command).inputs] == ["IMAGE.tif"]


def test_a_plane_of_a_file_is_read_from_it() -> None:
    source = ImageSource("cells", Path("cells.tif"), (2, 0))
    assert "image = tifffile.imread('cells.tif')[2, 0]\n" in as_python(recipe(), source)
    args = arguments(as_command(recipe(), source))
    assert args.inputs == [Path("cells.tif")]
    assert (args.part, args.planes) == ((2, 0), [])


def test_a_part_of_a_flat_file_is_read_as_the_file() -> None:
    source = ImageSource("cells", Path("cells.png"), (slice(2, 9), slice(4, 7)))
    text = as_python(recipe(), source)
    assert "image = read_image('cells.png')[2:9, 4:7]\n" in text
    assert arguments(as_command(recipe(), source)).part == source.index


def test_a_multiscale_layer_is_taken_at_full_resolution() -> None:
    source = ImageSource("cells", None, (2,), multiscale=True)
    assert "image = viewer.layers['cells'].data[0][2]\n" in as_python(recipe(), source)
    assert "at full resolution" in as_command(recipe(), source)


def test_all_planes_keep_their_links() -> None:
    linked = recipe() | {"link_axis": 1}
    source = ImageSource("stack", Path("stack.tif"), (), names=("t", "z"))
    text = as_python(linked, source)
    compile(text, "recipe", "exec")
    assert "image = tifffile.imread('stack.tif')\n" in text
    assert "result = segment_planes(\n" in text
    assert "    names=('t', 'z'),\n    link_axis=1,\n" in text
    args = arguments(as_command(linked, source))
    assert args.inputs == [Path("stack.tif")]
    assert (args.part, args.planes, args.link) == ((), ["t", "z"], "z")
    assert arguments(as_command(recipe() | {"link_axis": None}, source)).link is None


def test_planes_without_a_file_are_saved_as_they_are_named() -> None:
    source = ImageSource("stack", None, (slice(None), 2), names=("-z",))
    text = as_command(recipe() | {"link_axis": 0}, source)
    assert "# First save the part [:, 2] of the layer 'stack' as IMAGE.tif.\n" in text
    args = arguments(text)
    assert args.inputs == [Path("IMAGE.tif")]
    assert (args.part, args.planes, args.link) == ((), ["-z"], "-z")


def test_the_inside_of_shapes_is_a_mask_in_python_and_makes_no_command() -> None:
    region = Region((1, 5), (2, 7), (np.array([[1, 2.5], [4, 2], [4, 6.123456789012345]]),))
    index = (slice(*region.rows), slice(*region.columns))
    source = ImageSource("cells", None, index, region=region)
    text = as_python(recipe(), source)
    assert "    mask=mask,\n" in text
    (start, *_), end = text.partition("outlines"), text.index("result")
    names: dict[str, Any] = {"np": np, "Region": Region}
    exec(text[len(start) : end], names)
    assert_array_equal(names["mask"], region.mask())
    with pytest.raises(InputError, match="shapes cannot be copied as a command"):
        as_command(recipe(), source)
