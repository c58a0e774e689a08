from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.blocks import ome_zarr
from napari_nuclei.pipeline.blocks.ome_zarr import (
    create_labels,
    finish_labels,
    is_zarr,
    open_levels,
    open_pixels,
    read_our_attribute,
)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_images_are_read_with_their_axes(version, write_ome_zarr):
    pixels = np.arange(2 * 3 * 4).reshape(2, 3, 4).astype(np.uint16)
    path = write_ome_zarr(pixels, "zyx", [2.0, 0.5, 0.25], version=version)
    found = open_pixels(path)
    np.testing.assert_array_equal(found.array[:], pixels)
    assert found.names == ("z", "y", "x")
    assert found.scale == (2.0, 0.5, 0.25)
    assert found.units == ("micrometer",) * 3


def test_a_transformation_of_all_levels_counts(write_ome_zarr):
    path = write_ome_zarr(np.zeros((3, 4), np.uint8), "yx", [1.0, 2.0])
    group = zarr.open_group(path, mode="r+")
    image = group.attrs["multiscales"][0]
    image["coordinateTransformations"] = [{"type": "scale", "scale": [0.5, 0.25]}]
    group.attrs["multiscales"] = [image]
    assert open_pixels(path).scale == (0.5, 0.5)


def test_the_place_of_the_first_pixel_counts_in_the_order_of_the_transformations(write_ome_zarr):
    path = write_ome_zarr(np.zeros((3, 4), np.uint8), "yx", [1.0, 2.0])
    group = zarr.open_group(path, mode="r+")
    image = group.attrs["multiscales"][0]
    moves = [{"type": "translation", "translation": move} for move in ([10, 20], [1, 0])]
    image["datasets"][0]["coordinateTransformations"] += moves[:1]
    image["coordinateTransformations"] = [{"type": "scale", "scale": [0.5, 0.25]}, moves[1]]
    group.attrs["multiscales"] = [image]
    found = open_pixels(path)
    assert (found.scale, found.translation) == ((0.5, 0.5), (6.0, 5.0))


def test_labels_lie_where_they_are_told_in_all_resolutions(tmp_path, monkeypatch):
    monkeypatch.setattr(ome_zarr, "CHUNK_PX", 4)
    create_labels(tmp_path / "a.zarr", (9, 5))
    finish_labels(tmp_path / "a.zarr", ("y", "x"), (2.0, 2.0), (), (7.0, -3.0), {})
    assert open_pixels(tmp_path / "a.zarr").translation == (7.0, -3.0)
    (image,) = zarr.open_group(tmp_path / "a.zarr", mode="r").attrs["multiscales"]
    moves = [level["coordinateTransformations"][1]["translation"] for level in image["datasets"]]
    assert moves == [[7.0, -3.0]] * 3


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_plain_array_has_no_names(zarr_format, tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=np.eye(5), zarr_format=zarr_format)
    found = open_pixels(tmp_path / "a.zarr")
    np.testing.assert_array_equal(found.array[:], np.eye(5))
    assert found.names == found.scale == found.units == ()


@pytest.mark.parametrize("case", ["missing", "empty group", "plate", "level missing"])
def test_what_is_no_image_is_told(case, tmp_path, write_ome_zarr):
    path = tmp_path / "a.zarr"
    if case in ("empty group", "plate"):
        group = zarr.create_group(path)
        group.attrs.update({"ome": {"plate": {}}} if case == "plate" else {})
    elif case == "level missing":
        path = write_ome_zarr(np.eye(3), "yx", [1.0, 1.0])
        del zarr.open_group(path, mode="r+")["full"]
    with pytest.raises(DatasetError, match="no image is found in it; give the folder of one"):
        open_pixels(path)


def test_only_folders_with_metadata_are_zarr(tmp_path, write_ome_zarr):
    (tmp_path / "folder.zarr").mkdir()
    assert not is_zarr(tmp_path / "folder.zarr")
    assert not is_zarr(tmp_path / "missing.zarr")
    assert is_zarr(write_ome_zarr(np.eye(3), "yx", [1.0, 1.0], version="0.4", name="4.zarr"))
    assert is_zarr(write_ome_zarr(np.eye(3), "yx", [1.0, 1.0], version="0.5", name="5.zarr"))


def test_labels_are_written_as_the_specification_says(tmp_path, monkeypatch):
    monkeypatch.setattr(ome_zarr, "CHUNK_PX", 4)
    path = tmp_path / "labels.zarr"
    array = create_labels(path, (2, 9, 5))
    ids = np.arange(90, dtype=np.int32).reshape(2, 9, 5)
    array[:] = ids
    finish_labels(path, ("z", "y", "x"), (3.0, 0.5, 0.25), ("micrometer",) * 3, (), {"a": 1})
    group = zarr.open_group(path, mode="r")
    assert group.metadata.zarr_format == 2
    scales = [[3.0, 0.5, 0.25], [3.0, 1.0, 0.5], [3.0, 2.0, 1.0]]
    assert dict(group.attrs) == {
        "image-label": {"version": "0.4"},
        "napari_nuclei": {"a": 1},
        "multiscales": [
            {
                "version": "0.4",
                "axes": [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"],
                "datasets": [
                    {
                        "path": str(level),
                        "coordinateTransformations": [{"type": "scale", "scale": scale}],
                    }
                    for level, scale in enumerate(scales)
                ],
            }
        ],
    }
    levels = open_levels(path)
    assert [level.dtype for level in levels] == [np.int32] * 3
    assert [level.chunks for level in levels] == [(1, 4, 4), (1, 4, 3), (1, 3, 2)]
    for step, level in zip((1, 2, 4), levels, strict=True):
        np.testing.assert_array_equal(level[:], ids[:, ::step, ::step])
    assert (path / "0" / "0" / "0" / "0").is_file()
    assert read_our_attribute(path) == {"a": 1}


def test_labels_without_a_known_scale_have_one_of_1(tmp_path):
    create_labels(tmp_path / "a.zarr", (3, 4))
    finish_labels(tmp_path / "a.zarr", ("y", "x"), (), (), (), {})
    found = open_pixels(tmp_path / "a.zarr")
    assert (found.scale, found.units) == ((1.0, 1.0), (None, None))


def test_what_others_wrote_has_nothing_of_ours(tmp_path, write_ome_zarr):
    assert read_our_attribute(tmp_path / "missing.zarr") == {}
    assert read_our_attribute(write_ome_zarr(np.eye(3), "yx", [1.0, 1.0])) == {}
    zarr.create_array(tmp_path / "array.zarr", data=np.eye(3))
    assert read_our_attribute(tmp_path / "array.zarr") == {}
