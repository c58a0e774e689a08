from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets import decoding
from napari_nuclei.pipeline.datasets.decoding import read_image, read_plane, read_shape
from napari_nuclei.pipeline.datasets.storage import FolderStore, StoredFile, ZipStore

GREY = np.arange(6, dtype=np.uint8).reshape(2, 3)
COLOUR = np.stack([GREY, GREY + 10, GREY + 20], axis=-1)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "npy"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_reads_back_what_was_written(stored, suffix, pixels):
    file = stored(f"a.{suffix}", pixels)
    image = read_image(file)
    assert read_shape(file) == (2, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, pixels)


@pytest.mark.parametrize("suffix", ["png", "tif", "npy"])
def test_reads_sixteen_bits(stored, suffix):
    pixels = GREY.astype(np.uint16) * 10_000
    image = read_image(stored(f"a.{suffix}", pixels))
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image, pixels)


def test_reads_jpeg_colours(stored):
    image = read_image(stored("a.jpg", np.full((8, 8, 3), 100, np.uint8)))
    assert image.shape == (8, 8, 3)
    assert abs(int(image[4, 4, 0]) - 100) <= 2


def test_drops_alpha(stored):
    rgba = np.dstack([COLOUR, np.full((2, 3), 128, np.uint8)])
    np.testing.assert_array_equal(read_image(stored("a.png", rgba)), COLOUR)
    np.testing.assert_array_equal(read_image(stored("a.tif", rgba)), COLOUR)


def test_drops_alpha_of_grey(stored):
    grey_alpha = np.dstack([GREY, np.full((2, 3), 128, np.uint8)])
    np.testing.assert_array_equal(read_image(stored("a.png", grey_alpha)), GREY)


FOUR = np.dstack([COLOUR, GREY + 30])
TWO = FOUR[..., :2]


@pytest.fixture
def tiff(tmp_path):
    """Return a function that writes channels to a TIFF with the tags that are given."""

    def write_tiff(pixels, **tags):
        tifffile.imwrite(tmp_path / "a.tif", pixels, **tags)
        return StoredFile(FolderStore(tmp_path), "a.tif")

    return write_tiff


@pytest.mark.parametrize("extra", ["assocalpha", "unassalpha"])
def test_drops_what_a_tiff_says_is_alpha(tiff, extra):
    tags = {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": [extra]}
    file = tiff(TWO, **tags)
    assert read_shape(file) == (2, 3)
    np.testing.assert_array_equal(read_image(file), GREY)


@pytest.mark.parametrize("extra", ["unspecified", "unassalpha"])
def test_drops_the_fourth_sample_of_an_rgb_tiff(tiff, extra):
    file = tiff(FOUR, photometric="rgb", planarconfig="contig", extrasamples=[extra])
    assert read_shape(file) == (2, 3)
    np.testing.assert_array_equal(read_image(file), COLOUR)


@pytest.mark.parametrize("read", [read_shape, read_image, read_plane])
@pytest.mark.parametrize("photometric", ["rgb", "minisblack"])
def test_four_separate_planes_are_no_colours_whatever_their_mark(tiff, read, photometric):
    planes = np.moveaxis(FOUR, -1, 0)
    file = tiff(planes, photometric=photometric, planarconfig="separate")
    with pytest.raises(DatasetError, match=r"a\.tif cannot be read \(its 4 planes may be stains"):
        read(file)


@pytest.mark.parametrize("read", [read_shape, read_image, read_plane])
@pytest.mark.parametrize("pixels", [TWO, FOUR], ids=["two", "four"])
@pytest.mark.parametrize("tags", [{}, {"planarconfig": "contig"}], ids=["pages", "samples"])
def test_no_channel_of_a_tiff_is_dropped_unasked(tiff, read, pixels, tags):
    file = tiff(pixels, photometric="minisblack", **tags)
    shape = rf"\(2, 3, {pixels.shape[2]}\)"
    with pytest.raises(DatasetError, match=rf"a\.tif cannot be read \(its shape {shape} is not"):
        read(file)


def test_four_channels_of_an_npy_are_rgba_and_two_are_refused(stored):
    file = stored("a.npy", FOUR)
    assert read_shape(file) == (2, 3)
    np.testing.assert_array_equal(read_image(file), COLOUR)
    advice = r"its shape \(2, 3, 2\) is not a single plane .*\); save the plane that is meant\."
    with pytest.raises(DatasetError, match=advice):
        read_image(stored("a.npy", TWO))


def test_reads_planar_colour_tiff(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", np.moveaxis(COLOUR, -1, 0), photometric="rgb", planarconfig="separate"
    )
    file = StoredFile(FolderStore(tmp_path), "a.tif")
    assert read_shape(file) == (2, 3)
    np.testing.assert_array_equal(read_image(file), COLOUR)


def test_big_endian_becomes_native(stored):
    image = read_image(stored("a.npy", GREY.astype(">u2")))
    assert image.dtype == np.dtype(np.uint16)
    assert image.dtype.isnative


def test_palette_is_resolved_in_images_and_kept_in_labels(tmp_path):
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8), mode="P")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "a.png")
    file = StoredFile(FolderStore(tmp_path), "a.png")
    assert read_image(file).tolist() == [[[0, 0, 0], [255, 0, 0], [0, 255, 0]]]
    assert read_plane(file).tolist() == [[0, 1, 2]]


def test_grey_mask_stored_as_colour_is_read(stored):
    plane = read_plane(stored("a.png", np.dstack([GREY] * 3)))
    np.testing.assert_array_equal(plane, GREY)


def test_coloured_mask_is_refused(stored):
    with pytest.raises(DatasetError, match=r"a\.png has colours; save the mask with one value"):
        read_plane(stored("a.png", COLOUR))


def test_float_labels_are_refused(stored):
    with pytest.raises(DatasetError, match=r"a\.tif holds float32 values; save the labels as int"):
        read_plane(stored("a.tif", GREY.astype(np.float32)))


def test_complex_image_is_refused(stored):
    with pytest.raises(DatasetError, match=r"a\.npy holds complex64 values"):
        read_image(stored("a.npy", GREY.astype(np.complex64)))


@pytest.mark.parametrize("suffix", ["png", "tif", "npy"])
@pytest.mark.parametrize("read", [read_shape, read_image, read_plane])
def test_text_under_an_image_name_is_refused(stored, suffix, read):
    message = rf"a\.{suffix} cannot be read \(.+\); replace or remove it"
    with pytest.raises(DatasetError, match=message):
        read(stored(f"a.{suffix}", "this is text, and no image at all"))


@pytest.mark.parametrize(
    ("suffix", "reason"), [("png", "it is not a PNG, JPEG or BMP"), ("tif", "it is not a TIFF")]
)
def test_message_has_no_python_objects_in_it(stored, suffix, reason):
    with pytest.raises(DatasetError, match=reason) as caught:
        read_shape(stored(f"a.{suffix}", "text"))
    assert not any(sign in str(caught.value) for sign in ("0x", "b'"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "npy"])
def test_truncated_file_is_refused(write, suffix):
    path = write(f"a.{suffix}", np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8))
    path.write_bytes(path.read_bytes()[:-1500])
    with pytest.raises(DatasetError, match=rf"a\.{suffix} cannot be read"):
        read_image(StoredFile(FolderStore(path.parent), path.name))


def test_damaged_zip_entry_is_refused_by_its_checksum(tmp_path):
    content = io.BytesIO()
    np.save(content, GREY)
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", content.getvalue())
    stored = path.read_bytes()
    at = stored.index(GREY.tobytes())
    path.write_bytes(stored[:at] + b"\xff" + stored[at + 1 :])
    with pytest.raises(DatasetError, match=r"a\.npy cannot be read \(Bad CRC-32"):
        read_image(StoredFile(ZipStore(path), "a.npy"))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"a\.png cannot be read \(No such file"):
        read_shape(StoredFile(FolderStore(tmp_path), "a.png"))


def test_unknown_format_is_refused(stored):
    with pytest.raises(DatasetError, match=r"a\.czi is not in a format that is read here"):
        read_shape(stored("a.czi", "text"))


@pytest.mark.parametrize("shape", [(2, 5, 5), (5,), (2, 3, 3, 3)])
def test_stack_is_refused(stored, shape):
    with pytest.raises(DatasetError, match=r"a\.npy cannot be read \(its shape .* single plane"):
        read_image(stored("a.npy", np.zeros(shape, np.uint8)))


def test_tiff_of_several_images_is_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((4, 4), np.uint8))
        writer.write(np.zeros((5, 5), np.uint8))
    with pytest.raises(DatasetError, match=r"a\.tif cannot be read \(it holds 2 images"):
        read_shape(StoredFile(FolderStore(tmp_path), "a.tif"))


def test_image_without_pixels_is_refused(stored):
    with pytest.raises(DatasetError, match=r"a\.npy cannot be read \(it has no pixels"):
        read_shape(stored("a.npy", np.zeros((0, 4), np.uint8)))


@pytest.mark.parametrize("read", [read_shape, read_image])
def test_absurd_size_is_refused_from_the_header(stored, monkeypatch, read):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 5)
    with pytest.raises(DatasetError, match=r"a\.png declares 2 x 3 pixels, more than the 5"):
        read(stored("a.png", GREY))


def test_array_that_lies_about_its_size_is_not_allocated(tmp_path):
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**7, 10**7)}
    with (tmp_path / "a.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
    with pytest.raises(DatasetError, match=r"a\.npy declares 10000000 x 10000000 pixels"):
        read_image(StoredFile(FolderStore(tmp_path), "a.npy"))


def test_pickles_are_never_opened(stored):
    objects = np.array([[{"any": "thing"}, None]], dtype=object)
    with pytest.raises(DatasetError, match=r"a\.npy cannot be read \(Object arrays"):
        read_image(stored("a.npy", objects))
