from __future__ import annotations

import csv
import errno
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np
import pytest
import zarr

from napari_nuclei.pipeline import resources, summary
from napari_nuclei.pipeline.blocks.ome_zarr import open_levels
from napari_nuclei.pipeline.segment import segment

if TYPE_CHECKING:
    from conftest import Command


@pytest.fixture
def stacked(cells: Path, tmp_path: Path) -> Path:
    """Return a Zarr array with the cells as its second channel."""
    path = tmp_path / "stacked.zarr"
    pixels = iio.imread(cells)
    group = zarr.create_group(path)
    group.create_array("0", data=np.stack([0 * pixels, pixels]))
    axes = [{"name": name} for name in "cyx"]
    scale = [{"type": "scale", "scale": [1, 0.5, 0.5]}]
    level = {"path": "0", "coordinateTransformations": scale}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [level]}]}
    return path


def read_labels(path: Path) -> np.ndarray:
    return np.asarray(open_levels(path)[0][:])


def test_zarr_gives_zarr_and_a_table(
    command: Command, stacked: Path, cells: Path, tiny_model: Path, tmp_path: Path
) -> None:
    arguments = ("segment", stacked, "-o", tmp_path / "out", "--model", tiny_model, "--channel", 2)
    done = command(*arguments)
    expected = segment(iio.imread(cells), tiny_model).labels
    labels = read_labels(tmp_path / "out" / "stacked_labels.ome.zarr")
    np.testing.assert_array_equal(labels > 0, expected > 0)
    n = labels.max()
    assert n == expected.max() > 0
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(rf"stacked.zarr: {n} nucle(i|us)( of about \d+ px)?, \d+\.\d s\n", done.out)
    with (tmp_path / "out" / "stacked_nuclei.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == n
    again = command(*arguments)
    assert again.out.endswith(", done before\n")
    other = command(*arguments, "--threshold", 0.9)
    assert other.status == 1
    assert re.fullmatch(r"napari-nuclei: error: .*is there already.*\n", other.err)


def test_semantic_zarr_tells_the_share_of_nucleus(
    command: Command, stacked: Path, tiny_model: Path, tmp_path: Path
) -> None:
    options = ("--channel", 2, "--semantic")
    done = command("segment", stacked, "-o", tmp_path, "--model", tiny_model, *options)
    share = np.count_nonzero(read_labels(tmp_path / "stacked_labels.ome.zarr")) / 2400
    assert done.out.startswith(f"stacked.zarr: {share:.1%} nucleus, ")


def test_an_image_that_does_not_fit_is_taken_in_blocks_beside_one_that_does(
    command: Command, cells: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = cells.with_name("large.npy")
    np.save(large, np.tile(iio.imread(cells), (9, 9)))

    class Memory:
        # Between what the two take.
        available = 40 * 60 * 200

    monkeypatch.setattr(resources.psutil, "virtual_memory", Memory)
    done = command("segment", cells, large, "-o", tmp_path / "out", "--model", tiny_model)
    assert (done.status, done.err) == (0, "")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "cells_labels.tif",
        "large_labels.ome.zarr",
        "large_nuclei.csv",
        "summary.csv",
    } - {"summary.csv"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--overlay"], "leave out --probability and --overlay"),
        (["--channel", 3], "no channel 3: choose 1 to 2"),
        (["--scheduler", "tcp://127.0.0.1:9"], "No scheduler answers at tcp://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[object],
    reason: str,
    command: Command,
    stacked: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from napari_nuclei.pipeline.blocks import workers

    monkeypatch.setattr(workers, "_CONNECT_S", 1)
    done = command("segment", stacked, "-o", tmp_path, "--model", tiny_model, *arguments)
    assert done.status == 1
    assert reason in done.err
    assert done.err.count("\n") == 1


def test_two_images_of_one_name_are_refused(
    command: Command, stacked: Path, tiny_model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "stacked.zarr"
    zarr.create_array(other, data=np.eye(9))
    done = command("segment", stacked, other, "-o", tmp_path, "--model", tiny_model)
    assert done.status == 1
    assert "would both write" in done.err


@pytest.mark.parametrize("name", ["stacked.tif", "Stacked.png"])
def test_a_file_and_a_zarr_of_one_name_are_refused(
    name: str, command: Command, stacked: Path, tiny_model: Path, tmp_path: Path
) -> None:
    other = tmp_path / name
    iio.imwrite(other, np.eye(9, dtype=np.uint8))
    output = tmp_path / "out"
    done = command("segment", other, stacked, "-o", output, "--model", tiny_model, "--table")
    assert (done.status, done.out) == (1, "")
    assert f"{other} and {stacked} would both write {output / 'stacked_nuclei.csv'}" in done.err
    assert not output.exists()


def test_zarrs_of_names_that_some_file_systems_do_not_tell_apart_are_refused(
    command: Command, stacked: Path, tiny_model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "STACKED.ome.zarr"
    zarr.create_array(other, data=np.eye(9))
    done = command("segment", stacked, other, "-o", tmp_path, "--model", tiny_model)
    assert done.status == 1
    assert "would both write" in done.err


def test_a_zarr_without_an_image_is_told(
    command: Command, tiny_model: Path, tmp_path: Path
) -> None:
    zarr.create_group(tmp_path / "empty.zarr")
    done = command("segment", tmp_path / "empty.zarr", "-o", tmp_path / "out")
    assert (done.status, done.out) == (1, "")
    assert "no image is found in it" in done.err


def test_a_damaged_zarr_does_not_stop_the_others(
    command: Command, stacked: Path, tiny_model: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.zarr"
    shutil.copytree(stacked, damaged)
    for chunk in (damaged / "0" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"no chunk")
    options = ("-o", tmp_path / "out", "--model", tiny_model, "--channel", 2)
    done = command("segment", damaged, stacked, *options)
    assert done.status == 1
    assert re.fullmatch(r"napari-nuclei: error: \S+damaged.zarr: .*cannot be read.*\n", done.err)
    assert done.out.startswith("stacked.zarr: ")


def test_a_summary_that_cannot_be_written_does_not_stop_them_either(
    command: Command,
    cells: Path,
    stacked: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "a spreadsheet holds it")

    monkeypatch.setattr(summary, "write_summary", refuse)
    options = ("-o", tmp_path / "out", "--model", tiny_model, "--channel", 2)
    done = command("segment", cells.parent, stacked, *options)
    assert done.status == 1
    assert re.fullmatch(r"napari-nuclei: error: \S+summary.csv cannot be written .*\n", done.err)
    assert [line.partition(":")[0] for line in done.out.splitlines()] == [
        "cells.png",
        "stacked.zarr",
    ]


def test_a_file_and_a_zarr_of_one_name_keep_their_tables_in_either_order(
    command: Command, cells: Path, stacked: Path, tiny_model: Path, tmp_path: Path
) -> None:
    of_cells = stacked.with_name("cells.zarr")
    shutil.copytree(stacked, of_cells)
    options = ("--model", tiny_model, "--channel", 2)

    # Without a table, too: it may be asked for later.
    command("segment", cells, "-o", tmp_path / "1", *options)
    refused = command("segment", of_cells, "-o", tmp_path / "1", *options)
    assert refused.status == 1
    assert "cells_labels.tif is there already, and not of this image" in refused.err
    again = command("segment", cells, "-o", tmp_path / "1", "--table", *options)
    assert again.status == 0
    names = {path.name for path in (tmp_path / "1").iterdir()}
    assert names == {"cells_labels.tif", "cells_nuclei.csv"}

    command("segment", of_cells, "-o", tmp_path / "2", *options)
    command("segment", cells, "-o", tmp_path / "2", *options)
    names = {path.name for path in (tmp_path / "2").iterdir()}
    assert names == {"cells_labels.ome.zarr", "cells_nuclei.csv", "cells.png_labels.tif"}
