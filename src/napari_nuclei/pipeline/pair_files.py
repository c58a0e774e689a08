"""The files of a project folder: planes as TIFF, and whether one has the pixels of an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_nuclei import files
from napari_nuclei.pipeline.datasets.decoding import read_image, read_shape
from napari_nuclei.pipeline.reading import is_same

if TYPE_CHECKING:
    from napari_nuclei.pipeline.datasets.storage import StoredFile


def write_tiff(path: Path, pixels: NDArray[Any]) -> None:
    """Write an image of shape (Y, X) or (Y, X, 3), whole or not at all; bool becomes uint8.

    Raises
    ------
    OSError
        When the folder or the disk refuses.
    """
    photometric = "rgb" if pixels.ndim == 3 else "minisblack"
    files.replace_file(
        path,
        lambda temporary: tifffile.imwrite(
            temporary, _storable(pixels), compression="zlib", photometric=photometric
        ),
    )


def has_pixels(file: StoredFile, image: NDArray[Any]) -> bool:
    """Tell whether a file has the pixels of an image; of one of another size only that is read.

    Raises
    ------
    DatasetError
        When the file cannot be read.
    """
    is_size = read_shape(file) == image.shape[:2]
    return is_size and is_same(read_image(file), _storable(image))


def _storable(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return pixels of a type that TIFF has: it has no bool."""
    return pixels.astype(np.uint8) if pixels.dtype.kind == "b" else pixels
