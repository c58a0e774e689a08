"""Image files as the command line, the batches and Python read them: one code, the same pixels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets import decoding
from napari_nuclei.pipeline.datasets.storage import FolderStore, StoredFile


def read_image(path: str | Path) -> NDArray[Any]:
    """Read an image file of one plane.

    Parameters
    ----------
    path : str or Path
        PNG, JPEG, BMP, TIFF or NPY, grey or colour.

    Returns
    -------
    ndarray, (Y, X) or (Y, X, 3)
        In the file's own type; alpha is dropped.

    Raises
    ------
    DatasetError
        When the file cannot be read, or holds more than one plane.
    """
    return decoding.read_image(_stored(path))


def read_shape(path: str | Path) -> tuple[int, int]:
    """Return height and width in pixels, from the file's header alone.

    Raises
    ------
    DatasetError
        As `read_image`.
    """
    return decoding.read_shape(_stored(path))


Part = tuple[int | slice, ...]


def read_part(path: Path, part: Part) -> NDArray[Any]:
    """Read a part of a TIFF file of any number of axes: only the tiles or strips that it is in.

    Raises
    ------
    IndexError
        When there is no such part.
    ValueError
        When the file holds several images.
    """
    import zarr

    with tifffile.TiffFile(path) as tiff, decoding.only_series(tiff).aszarr(level=0) as store:
        return np.asarray(zarr.open_array(store, mode="r")[part])


def has_parts(
    path: Path, shape: tuple[int, ...], parts: Iterable[tuple[Part, NDArray[Any]]], *, is_flat: bool
) -> bool:
    """Tell whether a file gives the pixels that somebody has of it.

    Parameters
    ----------
    path : Path
        Any file; one that is gone or is no image has no pixels.
    shape : tuple of int
        Of the whole image; colours are its last axis.
    parts : iterable of (tuple of int and slice, ndarray)
        Places in the image, and the pixels there. Of a TIFF file no more is read than these.
    is_flat : bool
        Whether it is read by `read_image`, which drops alpha, or else by `tifffile.imread`.
    """
    try:
        if not is_flat:
            with tifffile.TiffFile(path) as tiff:
                series = decoding.only_series(tiff)
                return series.shape == shape and all(
                    is_same(_part_of_page(series, part), pixels) for part, pixels in parts
                )
        image = read_image(path)
        colours = image.shape[2:]
        return image.shape[:2] == shape[:2] and all(
            is_same(image[part], pixels[..., : colours[0]] if colours else pixels)
            for part, pixels in parts
        )
    except (DatasetError, OSError, TypeError, ValueError, LookupError, tifffile.TiffFileError):
        return False


def _part_of_page(series: tifffile.TiffPageSeries, part: Part) -> NDArray[Any]:
    """Read the only page that has this part of a stack; an error where there is no such page."""
    lead = series.ndim - len(series.keyframe.shape)
    index = [number for number in part[:lead] if isinstance(number, int)]
    page = series.pages[int(np.ravel_multi_index(index, series.shape[:lead])) if lead else 0]
    if page is None:
        raise ValueError("The page is not in the file.")
    pixels: NDArray[Any] = page.asarray()[part[lead:]]
    return pixels


def is_same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Tell whether two images have the same pixels in the same type; NaN is the same as NaN."""
    has_nan = one.dtype.kind == "f"
    is_type = one.dtype.newbyteorder("=") == other.dtype.newbyteorder("=")
    return is_type and np.array_equal(one, other, equal_nan=has_nan)


def _stored(path: str | Path) -> StoredFile:
    path = Path(path)
    return StoredFile(FolderStore(path.parent), path.name)
