"""Names of files that every system takes, and which of them a system may take for the same."""

from __future__ import annotations

import re
import unicodedata

from napari_nuclei.model.manifest import DEVICE

UNFINISHED = ".unfinished"
"""Ends the name of a folder with finished blocks of labels that are not."""

_MAX_BYTES = 200  # of 255, for what is put around it
_NAME = re.compile(rf'(?!{DEVICE}|\.)[^\\/:*?"<>|\x00-\x1f\x7f]*[^\\/:*?"<>|\x00-\x1f\x7f. ]')


def is_portable(stem: str) -> bool:
    """Tell whether Linux, macOS and Windows all take a file of this name with any suffix."""
    is_encodable = not any("\ud800" <= letter <= "\udfff" for letter in stem)
    return is_encodable and len(stem.encode()) <= _MAX_BYTES and bool(_NAME.fullmatch(stem))


def without_zarr(name: str) -> str:
    """Return the name of a folder without what tells that it is a Zarr.

    Examples
    --------
    >>> without_zarr("cells.ome.zarr")
    'cells'
    """
    return name.removesuffix(".zarr").removesuffix(".ome")


def blockwise_labels(stem: str) -> str:
    """Return the name of the label image that is made block by block of an image of that stem."""
    return f"{stem}_labels.ome.zarr"


def key(stem: str) -> str:
    """Return what is equal for names that macOS or Windows takes for that of one file.

    Examples
    --------
    >>> key("Cells") == key("cells")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold())
