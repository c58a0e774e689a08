from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr

from napari_nuclei.errors import DatasetError, InputError
from napari_nuclei.pipeline import resources
from napari_nuclei.pipeline.blocks.images import (
    LargeImage,
    as_large_image,
    needs_blocks,
    open_image,
)
from napari_nuclei.pipeline.datasets.decoding import MAX_PIXELS

STACK = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
PART = slice(1, 3), slice(0, 4)


def test_axes_are_read_by_their_names():
    image = as_large_image(
        STACK, ("t", "c", "y", "x"), 2, (1.0, 9.0, 0.5, 0.25), ("s", "", "m", "m")
    )
    assert (image.names, image.counts, image.shape, image.rgb) == (("t",), (2,), (4, 5), False)
    assert (image.scale, image.units) == ((1.0, 0.5, 0.25), ("s", "m", "m"))
    np.testing.assert_array_equal(image.read((1,), PART), STACK[1, 2, 1:3, 0:4])


def test_axes_without_names_are_planes():
    image = as_large_image(STACK)
    assert (image.names, image.full_shape) == (("axis_0", "axis_1"), (2, 3, 4, 5))
    np.testing.assert_array_equal(image.read((0, 2), PART), STACK[0, 2, 1:3, 0:4])


@pytest.mark.parametrize("n_colours", [3, 4])
def test_colours_are_kept_and_alpha_is_not(n_colours):
    colours = np.arange(6 * 7 * n_colours).reshape(6, 7, n_colours)
    image = as_large_image(colours)
    assert (image.shape, image.rgb) == ((6, 7), True)
    np.testing.assert_array_equal(image.read((), PART), colours[1:3, 0:4, :3])


@pytest.mark.parametrize("kind", ["zarr", "dask", "memmap"])
def test_any_array_is_read_in_windows(kind, tmp_path):
    if kind == "zarr":
        array = zarr.create_array(tmp_path / "a.zarr", data=STACK, chunks=(1, 1, 3, 3))
    elif kind == "dask":
        array = da.from_array(STACK, chunks=2)
    else:
        np.save(tmp_path / "a.npy", STACK)
        array = np.load(tmp_path / "a.npy", mmap_mode="r")
    read = as_large_image(array).read((1, 1), PART)
    assert type(read) in (np.ndarray, np.memmap)
    np.testing.assert_array_equal(read, STACK[1, 1, 1:3, 0:4])


def test_a_part_of_the_planes_is_counted_from_its_first_pixel():
    image = LargeImage(STACK, (1, slice(1, 3), slice(1, 4), slice(2, 5)), ("z",))
    assert (image.counts, image.shape) == ((2,), (3, 3))
    np.testing.assert_array_equal(
        image.read((1,), (slice(0, 2), slice(1, 3))), STACK[1, 2, 1:3, 3:5]
    )


@pytest.mark.parametrize("shape", [(), (5,), (0, 4), (3, 0, 4)])
def test_arrays_without_a_plane_are_refused(shape):
    with pytest.raises(InputError, match="it needs height and width"):
        as_large_image(np.zeros(shape))


@pytest.mark.parametrize("channel", [-1, 3])
def test_a_channel_that_is_not_there_is_refused(channel):
    with pytest.raises(InputError, match=f"no channel {channel + 1}: choose 1 to 3"):
        as_large_image(STACK, ("z", "c", "y", "x"), channel)


@pytest.mark.parametrize(
    ("shape", "axes", "tile"),
    [((60, 70), "YX", (16, 16)), ((60, 70, 3), "YXS", None), ((4, 60, 70), "ZYX", None)],
)
def test_tiff_is_read_in_windows(shape, axes, tile, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    photometric = "rgb" if axes == "YXS" else "minisblack"
    options = {"tile": tile, "photometric": photometric, "metadata": {"axes": axes}}
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
    image = open_image(tmp_path / "a.tif")
    assert (image.shape, image.rgb, image.names) == (
        (60, 70),
        axes == "YXS",
        tuple(axes[:-2].lower()) if axes == "ZYX" else (),
    )
    index = (2,) if axes == "ZYX" else ()
    np.testing.assert_array_equal(image.read(index, PART), pixels[(*index, *PART)])


def test_the_pixels_of_an_ome_tiff_have_a_size(tmp_path):
    sizes = {"PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.5}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, np.zeros((2, 3, 40, 50), np.uint8), metadata={"axes": "ZCYX", **sizes})
    image = open_image(path)
    assert image.names == ("z",)
    assert image.scale == (1.0, 0.5, 250.0)
    assert image.units == (None, "micrometer", "nanometer")


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"PhysicalSizeX": 2.0},
        {"PhysicalSizeX": 2.0, "PhysicalSizeY": "wide"},
        {"PhysicalSizeX": 2.0, "PhysicalSizeY": 2.0, "PhysicalSizeYUnit": "pixel"},
    ],
)
def test_an_ome_tiff_may_tell_nothing_of_its_pixels(sizes, tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", np.eye(40), metadata={"axes": "YX", **sizes})
    image = open_image(tmp_path / "a.ome.tif")
    assert (image.scale, image.units) == ((), ())


def test_files_that_are_no_tiff_are_told(tmp_path):
    (tmp_path / "a.tif").write_text("no picture")
    with pytest.raises(DatasetError, match=r"a\.tif cannot be read"):
        open_image(tmp_path / "a.tif")
    with pytest.raises(DatasetError, match=r"b\.tif cannot be read \(No such file"):
        open_image(tmp_path / "b.tif")


def test_tiff_of_several_images_is_told(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(np.zeros((8, 9), np.uint8))
        tiff.write(np.zeros((4, 9), np.uint8))
    with pytest.raises(DatasetError, match="holds 2 images instead of one"):
        open_image(tmp_path / "a.tif")


def test_tiff_of_separate_colour_planes_is_told(tmp_path):
    colours = np.zeros((3, 40, 50), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb", planarconfig="separate")
    with pytest.raises(DatasetError, match=r"a\.tif has its colours one after the other"):
        open_image(tmp_path / "a.tif")


def test_zarr_and_what_does_not_fit_into_memory_needs_blocks(tmp_path, write_ome_zarr, monkeypatch):
    zarr_path = write_ome_zarr(np.eye(9), "yx", [1.0, 1.0])
    (tmp_path / "text.png").write_text("no picture")
    paths = [zarr_path, tmp_path / "a.tif", tmp_path / "a.npy", tmp_path / "text.png", tmp_path]
    tifffile.imwrite(paths[1], np.eye(300))
    np.save(paths[2], np.eye(300))
    assert [needs_blocks(path) for path in paths] == [True, False, False, False, False]

    class Memory:
        available = 1000

    monkeypatch.setattr(resources.psutil, "virtual_memory", Memory)
    assert [needs_blocks(path) for path in paths] == [True, True, True, False, False]


def test_a_tiff_of_more_pixels_than_are_read_whole_needs_blocks(tmp_path, monkeypatch):
    class Memory:
        available = 10**12

    monkeypatch.setattr(resources.psutil, "virtual_memory", Memory)
    for name, width in (("small", MAX_PIXELS // 9000), ("large", MAX_PIXELS // 9000 + 1)):
        # Sparse: the pixels are never written.
        tifffile.memmap(tmp_path / f"{name}.tif", shape=(9000, width), dtype=np.uint8)
    assert not needs_blocks(tmp_path / "small.tif")
    assert needs_blocks(tmp_path / "large.tif")


@pytest.mark.parametrize("kind", ["zarr", "tiff"])
def test_a_damaged_part_is_told_in_words(kind, tmp_path, write_ome_zarr):
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    if kind == "zarr":
        path = write_ome_zarr(pixels, "yx", [1.0, 1.0])
        (chunk,) = (path / "full").glob("0*")
        chunk = next(chunk.iterdir()) if chunk.is_dir() else chunk
        chunk.write_bytes(b"no chunk")
    else:
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, pixels, tile=(32, 32), compression="zlib")
        content = bytearray(path.read_bytes())
        with tifffile.TiffFile(path) as tiff:
            start = tiff.pages[0].dataoffsets[0]
        content[start : start + 8] = bytes(8)
        path.write_bytes(content)
    image = open_image(path)
    with pytest.raises(InputError, match=r"^The image cannot be read here \(.+\); replace what is"):
        image.read((), (slice(0, 64), slice(0, 64)))


def test_too_little_memory_is_not_called_damage():
    class Huge:
        shape, dtype = (4, 4), np.dtype(np.uint8)

        def __getitem__(self, index):
            raise MemoryError

    with pytest.raises(MemoryError):
        as_large_image(Huge()).read((), (slice(0, 4), slice(0, 4)))
