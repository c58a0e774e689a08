"""Image files as the command line, the batches and Python read them: one code, the same pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

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


def _stored(path: str | Path) -> StoredFile:
    path = Path(path)
    return StoredFile(FolderStore(path.parent), path.name)
