"""Files to arrays: PNG, JPEG and BMP by Pillow, TIFF by tifffile, NPY by numpy without pickle.

A file is measured from its header before it is decoded, so that one that declares an absurd size
is refused without allocating it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TypeVar

import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets.storage import MAX_FILE_BYTES, StoredFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MAX_PIXELS = 89_478_485
"""Largest plane that is read: where Pillow, too, begins to suspect a decompression bomb."""

_PILLOW_FORMATS = ("PNG", "JPEG", "BMP")
_ALPHA_MODES = frozenset({"LA", "RGBA"})
_PLAIN_MODES = _ALPHA_MODES | {"1", "L", "I", "I;16", "RGB"}
_COLOURS = 3
_ALPHA_SAMPLES = frozenset({tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA})

_T = TypeVar("_T")


class NoPlaneError(ValueError):
    """A file of several planes or channels, which is no fault of it."""


@dataclass(frozen=True)
class _Format:
    """How a format is read; alpha, where the file says that there is one, is left out."""

    shape: Callable[[IO[bytes]], tuple[int, ...]]
    image: Callable[[IO[bytes]], NDArray[Any]]
    labels: Callable[[IO[bytes]], NDArray[Any]]


def read_shape(file: StoredFile) -> tuple[int, int]:
    """Return the size (Y, X) that a file's header declares, in pixels.

    Raises
    ------
    DatasetError
        The file is unreadable, of an unknown format, empty, not a single plane, or larger than
        `MAX_PIXELS`.
    """
    layout = _format_of(file)

    def measure() -> tuple[int, int]:
        with file.open() as stream:
            return _plane_shape(layout.shape(stream))

    shape = _guarded(file, measure)
    if shape[0] * shape[1] > MAX_PIXELS:
        raise DatasetError(
            f"{file} declares {shape[0]} x {shape[1]} pixels, more than the {MAX_PIXELS:,} that "
            "are read; cut it into smaller images."
        )
    return shape


def read_image(file: StoredFile) -> NDArray[Any]:
    """Decode a picture.

    Parameters
    ----------
    file : StoredFile
        PNG, JPEG, BMP, TIFF or NPY; one plane, grey or colour. Of a TIFF, the last channel is
        alpha where its tags say so, or where it is the fourth of an RGB image; four channels of an
        NPY are RGBA, as for `napari_nuclei.core.images.prepare`. Three separate planes that a TIFF
        marks as RGB are colours; four or more are refused, whatever their mark, since it is often
        wrong.

    Returns
    -------
    ndarray, (Y, X) or (Y, X, 3)
        In the file's own type, uint8 and uint16 as a rule; alpha is dropped and a palette
        resolved. Colour PNGs of 16 bits come out with 8, which is what Pillow can do.

    Raises
    ------
    DatasetError
        As `read_shape`, or the content is damaged or not numeric. Two or four channels that
        are not known to hold alpha are not a single plane: no channel is dropped unasked.
    """
    pixels = _decode(file, _format_of(file).image)
    if pixels.dtype.kind not in "biuf":
        raise DatasetError(f"{file} holds {pixels.dtype} values; save it as integers or floats.")
    return pixels


def read_plane(file: StoredFile) -> NDArray[Any]:
    """Decode a mask or label image: one value a pixel, the indices where there is a palette.

    Returns
    -------
    ndarray, (Y, X), bool or integer

    Raises
    ------
    DatasetError
        As `read_shape`, or the content is damaged, has colours, or is not of an integer type.
    """
    pixels = _decode(file, _format_of(file).labels)
    if pixels.ndim == 3:
        if (pixels != pixels[..., :1]).any():
            raise DatasetError(f"{file} has colours; save the mask with one value a pixel.")
        pixels = pixels[..., 0]
    if pixels.dtype.kind not in "biu":
        raise DatasetError(f"{file} holds {pixels.dtype} values; save the labels as integers.")
    return pixels


def _decode(file: StoredFile, decoder: Callable[[IO[bytes]], NDArray[Any]]) -> NDArray[Any]:
    read_shape(file)

    def decode() -> NDArray[Any]:
        # Read to the end: only then does a zip archive verify its checksum.
        with file.open() as stream:
            content = stream.read(MAX_FILE_BYTES)
        return _as_plane(decoder(io.BytesIO(content)))

    return _guarded(file, decode)


def _guarded(file: StoredFile, action: Callable[[], _T]) -> _T:
    """Run a decoder; whatever a damaged file makes it raise becomes one sentence."""
    try:
        return action()
    except Exception as error:
        is_whole = isinstance(error, NoPlaneError)
        advice = "save the plane that is meant" if is_whole else "replace or remove it"
        raise DatasetError(
            f"{file} cannot be read ({reason_in_words(error)}); {advice}."
        ) from error


def reason_in_words(error: Exception) -> str:
    """Return why a decoder has failed, in part of a sentence."""
    if isinstance(error, UnidentifiedImageError):
        return "it is not a PNG, JPEG or BMP image"
    if isinstance(error, tifffile.TiffFileError):
        return "it is not a TIFF image, or a damaged one"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__


def _format_of(file: StoredFile) -> _Format:
    try:
        return _FORMATS[file.suffix]
    except KeyError:
        known = " ".join(sorted(_FORMATS))
        raise DatasetError(
            f"{file} is not in a format that is read here ({known}); convert it or move it away."
        ) from None


def _plane_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3)):
        if min(shape) > 0:
            return shape[0], shape[1]
        raise ValueError("it has no pixels")
    raise NoPlaneError(f"its shape {shape} is not a single plane (Y, X) or (Y, X, 3)")


def _as_plane(pixels: NDArray[Any]) -> NDArray[Any]:
    """Drop a colour axis of length one; give a contiguous array of native byte order."""
    _plane_shape(pixels.shape)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    return np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))


def _pillow_shape(stream: IO[bytes]) -> tuple[int, ...]:
    with Image.open(stream, formats=_PILLOW_FORMATS) as picture:
        return picture.height, picture.width


def _pillow_image(stream: IO[bytes]) -> NDArray[Any]:
    with Image.open(stream, formats=_PILLOW_FORMATS) as picture:
        return _opaque(picture if picture.mode in _PLAIN_MODES else picture.convert("RGB"))


def _pillow_labels(stream: IO[bytes]) -> NDArray[Any]:
    with Image.open(stream, formats=_PILLOW_FORMATS) as picture:
        return _opaque(picture)


def _opaque(picture: Image.Image) -> NDArray[Any]:
    pixels = np.array(picture)
    return pixels[..., :-1] if picture.mode in _ALPHA_MODES else pixels


def only_series(tiff: tifffile.TiffFile) -> tifffile.TiffPageSeries:
    """Return the one image of a TIFF file; a ValueError tells that it holds several."""
    if len(tiff.series) != 1:
        raise ValueError(f"it holds {len(tiff.series)} images instead of one")
    return tiff.series[0]


def _tiff_has_alpha(series: tifffile.TiffPageSeries) -> bool:
    page = series.keyframe
    if series.axes == "SYX" and series.shape[0] > _COLOURS:
        # Some programs mark any four planes as RGB with alpha, those of four stains, too.
        raise ValueError(
            f"its {series.shape[0]} planes may be stains or colours: save the plane with the "
            "nuclei alone, or the colours of each pixel together"
        )
    if series.axes not in {"YXS", "SYX"} or len(page.extrasamples) != 1:
        return False
    # Many programs leave it unspecified, but nothing else is the fourth sample of RGB.
    is_rgb = page.photometric == tifffile.PHOTOMETRIC.RGB
    return is_rgb or page.extrasamples[0] in _ALPHA_SAMPLES


def _tiff_shape(stream: IO[bytes]) -> tuple[int, ...]:
    with tifffile.TiffFile(stream) as tiff:
        series = only_series(tiff)
        channels_first = series.axes == "SYX"
        shape = (*series.shape[1:], series.shape[0]) if channels_first else tuple(series.shape)
        return (*shape[:-1], shape[-1] - 1) if _tiff_has_alpha(series) else shape


def _tiff_pixels(stream: IO[bytes]) -> NDArray[Any]:
    with tifffile.TiffFile(stream) as tiff:
        series = only_series(tiff)
        pixels: NDArray[Any] = series.asarray()
        pixels = np.moveaxis(pixels, 0, -1) if series.axes == "SYX" else pixels
        return pixels[..., :-1] if _tiff_has_alpha(series) else pixels


def _npy_shape(stream: IO[bytes]) -> tuple[int, ...]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0
    shape, _, _ = (read if version == (1, 0) else np.lib.format.read_array_header_2_0)(stream)
    return (*shape[:2], 3) if _is_rgba(shape) else tuple(shape)


def _npy_pixels(stream: IO[bytes]) -> NDArray[Any]:
    pixels: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    return pixels[..., :3] if _is_rgba(pixels.shape) else pixels


def _is_rgba(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[2] == 4


_PILLOW = _Format(_pillow_shape, _pillow_image, _pillow_labels)
_TIFF = _Format(_tiff_shape, _tiff_pixels, _tiff_pixels)
_FORMATS = {
    ".png": _PILLOW,
    ".jpg": _PILLOW,
    ".jpeg": _PILLOW,
    ".bmp": _PILLOW,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".npy": _Format(_npy_shape, _npy_pixels, _npy_pixels),
}

SUFFIXES = frozenset(_FORMATS)
"""The files that can be read, by their endings in lower case."""
