from __future__ import annotations

import csv
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import zarr

from napari_nuclei.cli import progress_line
from napari_nuclei.pipeline.figures import overlay
from napari_nuclei.pipeline.segment import segment
from napari_nuclei.pipeline.stack import segment_planes

if TYPE_CHECKING:
    from conftest import Command

LINE = re.compile(r"napari-nuclei: error: .*\n")


def test_one_image_gives_one_line_and_what_python_gives(
    command: Command, cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    done = command("segment", cells, "-o", tmp_path / "out", "--model", tiny_model)
    labels = tifffile.imread(tmp_path / "out" / "cells_labels.tif")
    expected = segment(iio.imread(cells), tiny_model).labels
    np.testing.assert_array_equal(labels, expected)
    assert labels.dtype == np.int32
    n = expected.max()
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(rf"cells.png: {n} nucle(i|us), \d+\.\d s\n", done.out)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["cells_labels.tif"]


def test_switches_add_files(
    command: Command, cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    switches = ("--probability", "--table", "--overlay", "--threshold", 0.3, "--separation", 0.4)
    done = command("segment", cells, "-o", tmp_path, "--model", tiny_model, *switches)
    assert (done.status, done.err) == (0, "")
    expected = segment(iio.imread(cells), tiny_model, probability=0.3, separation=0.4)
    probability = tifffile.imread(tmp_path / "cells_probability.tif")
    np.testing.assert_array_equal(probability, expected.probability)
    with (tmp_path / "cells_nuclei.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == expected.labels.max()
    assert iio.imread(tmp_path / "cells_overlay.png").shape == (40, 60, 3)


def test_semantic_tells_the_share_of_nucleus(
    command: Command, cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    done = command("segment", cells, "-o", tmp_path, "--model", tiny_model, "--semantic")
    labels = tifffile.imread(tmp_path / "cells_labels.tif")
    assert done.out.startswith(f"cells.png: {np.count_nonzero(labels) / labels.size:.1%} nucleus, ")
    assert set(np.unique(labels)) <= {0, 1}


def test_every_option_reaches_the_recipe(
    command: Command, cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    options = ("--diameter", 30, "--tile", 64, "--halo", 8, "--min-area", 7, "--device", "cpu")
    done = command("segment", cells, "-o", tmp_path, "--model", tiny_model, *options)
    assert ", diameter set to 30 px, " in done.out
    with tifffile.TiffFile(tmp_path / "cells_labels.tif") as tiff:
        recipe = tiff.shaped_metadata[0]["recipe"]
    assert recipe["options"] == {
        "tile_px": 64, "halo_px": 8, "batch_size": 16, "diameter_px": 30.0,
        "probability": 0.4, "separation": 0.6, "min_area_px": 7, "semantic": False, "device": "cpu",
    }  # fmt: skip


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """Return a file of three planes, in each of which two squares are a little further."""
    plane = np.full((40, 60), 10, np.uint8)
    plane[5:15, 5:15] = plane[20:32, 30:45] = 200
    planes = [np.roll(plane, step, 1) for step in range(3)]
    tifffile.imwrite(tmp_path / "stack.tif", np.stack(planes), photometric="minisblack")
    return tmp_path / "stack.tif"


def test_a_plane_and_a_part_of_it_are_what_python_gives(
    command: Command, stack: Path, tiny_model: Path, tmp_path: Path
) -> None:
    for part, pixels in {"1": np.s_[1], "2,:30,10:": np.s_[2, :30, 10:]}.items():
        done = command(
            "segment", stack, "-o", tmp_path / "out", "--model", tiny_model, f"--part={part}"
        )
        assert (done.status, done.err) == (0, "")
        assert "done before" not in done.out
        expected = segment(tifffile.imread(stack)[pixels], tiny_model).labels
        np.testing.assert_array_equal(
            tifffile.imread(tmp_path / "out" / "stack_labels.tif"), expected
        )


@pytest.mark.parametrize("link", [None, "z"])
def test_all_planes_are_what_python_gives(
    link: str | None, command: Command, stack: Path, tiny_model: Path, tmp_path: Path
) -> None:
    options = ["--planes", "z", "--table", *(["--link", link] if link else [])]
    done = command("segment", stack, "-o", tmp_path, "--model", tiny_model, *options)
    assert (done.status, done.err) == (0, "")
    found = segment_planes(
        tifffile.imread(stack), tiny_model, names=["z"], link_axis=0 if link else None
    )
    labels = tifffile.imread(tmp_path / "stack_labels.tif")
    np.testing.assert_array_equal(labels, found.labels)
    with (tmp_path / "stack_nuclei.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["index"]) for row in rows] == found.table["index"].tolist()
    assert [int(row["z"]) for row in rows] == found.table["z"].tolist()
    again = command("segment", stack, "-o", tmp_path, "--model", tiny_model, *options)
    assert again.out.endswith(", done before\n")


def test_the_overlay_of_all_planes_is_that_of_the_middle_one(
    command: Command, stack: Path, tiny_model: Path, tmp_path: Path
) -> None:
    options = ("--planes", "z", "--overlay")
    done = command("segment", stack, "-o", tmp_path, "--model", tiny_model, *options)
    assert (done.status, done.err) == (0, "")
    labels = tifffile.imread(tmp_path / "stack_labels.tif")
    planes = tifffile.imread(stack)  # of one contrast
    drawn = iio.imread(tmp_path / "stack_overlay.png")
    np.testing.assert_array_equal(drawn, overlay(planes[1], labels[1]))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--link", "z"], "--link z needs --planes z"),
        (["--planes", "z", "--probability"], "--planes gives labels, a table and an overlay"),
        (["--part", "1", "--scheduler", "tcp://host:1"], "--scheduler is for whole images"),
        (["--part", "z=1"], "--part"),
    ],
)
def test_a_part_that_makes_no_sense_is_wrong_use(
    options: list[str],
    reason: str,
    command: Command,
    stack: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command("segment", stack, "-o", tmp_path / "out", *options)
    assert reason in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--part", "7"], r"stack\.tif has no part 7: count from 0"),
        (["--planes", "t", "--planes", "z"], r"stack\.tif: A stack of shape \(3, 40, 60\) with 2"),
    ],
)
def test_a_part_that_is_not_there_is_one_line(
    options: list[str], reason: str, command: Command, stack: Path, tiny_model: Path, tmp_path: Path
) -> None:
    done = command("segment", stack, "-o", tmp_path / "out", "--model", tiny_model, *options)
    assert done.status == 1
    assert LINE.fullmatch(done.err)
    assert re.search(reason, done.err)


def make_bad_input(folder: Path, case: str) -> Path:
    folder.mkdir()
    if case == "missing file":
        return folder / "missing.png"
    if case == "empty folder":
        return folder
    path = folder / ("text.png" if case == "text" else "image.tif")
    if case == "text":
        path.write_text("not a picture")
    elif case == "4D array":
        tifffile.imwrite(path, np.zeros((2, 3, 40, 50), np.uint8), photometric="minisblack")
    else:
        tifffile.imwrite(path, np.full((40, 50), np.nan, np.float32))
    return path


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("missing file", r"missing\.png does not exist"),
        ("empty folder", r"has no images"),
        ("text", r"text\.png cannot be read \(it is not a PNG"),
        ("4D array", r"image\.tif .*\(2, 3, 40, 50\)"),
        ("NaN", r"image\.tif: The image has no finite pixel"),
    ],
)
def test_bad_input_is_one_line_and_no_file(
    case: str, reason: str, command: Command, tiny_model: Path, tmp_path: Path
) -> None:
    bad = make_bad_input(tmp_path / "in", case)
    done = command("segment", bad, "-o", tmp_path / "out", "--model", tiny_model, "--table")
    assert (done.status, done.out) == (1, "")
    assert LINE.fullmatch(done.err)
    assert re.search(reason, done.err)
    assert not (tmp_path / "out").exists()


def test_a_damaged_model_is_one_line_and_no_file(
    command: Command, cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "damaged"))
    weights = model / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    done = command("segment", cells, "-o", tmp_path / "out", "--model", model)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"napari-nuclei: error: {weights}: damaged")
    assert LINE.fullmatch(done.err)
    assert not (tmp_path / "out").exists()


def test_an_unknown_model_is_one_line_and_no_file(
    command: Command, cells: Path, tmp_path: Path
) -> None:
    done = command("segment", cells, "-o", tmp_path / "out", "--model", "nobodys")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(
        "napari-nuclei: error: nobodys: no such model; choose one of default"
    )
    assert LINE.fullmatch(done.err)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", [("--threshold", 2), ("--halo", 64), ("--tile", 100)])
def test_an_option_out_of_range_stops_before_any_work(
    option: tuple[object, ...], command: Command, cells: Path, tmp_path: Path
) -> None:
    done = command("segment", cells, "-o", tmp_path / "out", *option)
    assert done.status == 1
    assert LINE.fullmatch(done.err)


def test_one_bad_file_does_not_stop_the_others(
    command: Command, cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    (cells.parent / "bad.png").write_text("not a picture")
    done = command("segment", cells.parent, "-o", tmp_path / "out", "--model", tiny_model)
    assert done.status == 1
    assert done.out.startswith("cells.png: ")
    assert LINE.fullmatch(done.err)
    assert "bad.png" in done.err
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["cells_labels.tif", "summary.csv"]


def test_what_is_done_is_said_and_not_done_again(
    command: Command, cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    first = command("segment", cells, "-o", tmp_path, "--model", tiny_model)
    again = command("segment", cells, "-o", tmp_path, "--model", tiny_model)
    assert again.status == 0
    assert again.out == re.sub(r"\d+\.\d s$", "done before", first.out, flags=re.M)


@pytest.mark.parametrize("kind", ["file", "zarr"])
def test_somebody_who_looks_is_told_how_far_it_is(
    kind: str,
    command: Command,
    cells: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image, unit = cells, "tiles"
    if kind == "zarr":
        image, unit = tmp_path / "cells.zarr", "blocks"
        zarr.save_array(image, iio.imread(cells))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress_line, "_PATIENCE_S", 0)
    done = command("segment", image, "-o", tmp_path / "out", "--model", tiny_model)
    *shown, blank, end = done.err.split("\r")
    assert any(re.search(rf"^{image.name}: .* [01]/1 .* {unit}", line) for line in shown)
    assert (blank.strip(), end) == ("", "")
    assert done.out.startswith(f"{image.name}: ")


def test_debug_adds_the_traceback_of_a_bad_file(
    command: Command, cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    cells.write_text("not a picture")
    done = command("segment", "--debug", cells, "-o", tmp_path / "out", "--model", tiny_model)
    assert done.status == 1
    assert "Traceback (most recent call last)" in done.err
    assert LINE.search(done.err)


def test_a_result_that_cannot_be_written_names_the_image(
    command: Command, cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "out" / "cells_labels.tif").mkdir(parents=True)
    done = command("segment", cells, "-o", tmp_path / "out", "--model", tiny_model)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"napari-nuclei: error: {cells}: ")
    assert LINE.fullmatch(done.err)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["cells_labels.tif"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_in_another_encoding_is_printed_and_counted(
    command: Command, cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    shutil.copy(cells, cells.parent / os.fsdecode(b"a\xe9.png"))
    done = command("segment", cells.parent, "-o", tmp_path / "out", "--model", tiny_model)
    assert (done.status, done.err) == (0, "")
    assert [line.partition(":")[0] for line in done.out.splitlines()] == [
        r"a\udce9.png",
        "cells.png",
    ]
    rows = (tmp_path / "out" / "summary.csv").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows] == ["image", r"a\udce9.png", "cells.png"]


def test_a_stack_is_told_with_what_to_choose_of_it(
    command: Command, tiny_model: Path, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((5, 40, 60), np.uint8))
    done = command("segment", tmp_path / "stack.tif", "-o", tmp_path / "out")
    assert done.status == 1
    assert done.err.endswith(
        "; save the plane that is meant. Of a TIFF stack, --part and --planes choose.\n"
    )
