"""The three ways in which data sets store nuclei, each to one label image.

Every reader takes an item's label files and gives ``int32`` (Y, X): 0 is background, and each
nucleus has an id of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets.decoding import read_plane
from napari_nuclei.pipeline.datasets.storage import StoredFile

LabelReader = Callable[[Sequence[StoredFile]], NDArray[np.int32]]
"""Reads an item's label files into one label image."""


@dataclass(frozen=True)
class _Mask:
    """One nucleus, cut out of its full-size mask."""

    file: StoredFile
    shape: tuple[int, int]
    window: tuple[slice, slice]
    inside: NDArray[np.bool_]

    @property
    def area(self) -> int:
        return int(np.count_nonzero(self.inside))


def merge_masks(files: Sequence[StoredFile]) -> NDArray[np.int32]:
    """Merge one mask a nucleus, as Kaggle ships them, into a label image.

    Parameters
    ----------
    files : sequence of StoredFile
        Masks of one size with the values 0 and 255; at least one.

    Returns
    -------
    ndarray, (Y, X), int32
        Ids 1..n in the order of the files, none missing. Where masks overlap, a pixel goes to the
        smaller one, so that a nucleus drawn inside another is kept.

    Raises
    ------
    DatasetError
        A mask has other values, is empty, differs in size, or is covered entirely by others
        (a duplicate, as a rule), so that its nucleus would be lost.
    """
    masks = [_read_mask(file) for file in files]
    labels = np.zeros(masks[0].shape, np.int32)
    for index in sorted(range(len(masks)), key=lambda i: masks[i].area):
        _paint(labels, masks[index], index + 1)
    return labels


def separate_mask(files: Sequence[StoredFile]) -> NDArray[np.int32]:
    """Give each connected region of a nucleus/background mask, as the course stores it, an id.

    Parameters
    ----------
    files : sequence of StoredFile
        One mask with the values 0 and 1, or 0 and 255.

    Returns
    -------
    ndarray, (Y, X), int32
        Ids 1..n by `skimage.measure.label`, diagonal neighbours joined. Nuclei that touch become
        one region: such a mask does not say where one ends and the next begins.

    Raises
    ------
    DatasetError
        The mask has other values.
    """
    (file,) = files
    mask = read_plane(file)
    if not (_only(mask, 0, 255) or _only(mask, 0, 1)):
        raise DatasetError(
            f"{file} has values other than 0 and 255 (or 0 and 1), up to {mask.max()}; save it as "
            "a nucleus/background mask, or use the images/ + labels/ layout for label images."
        )
    return _regions(mask != 0)


def read_label_image(files: Sequence[StoredFile]) -> NDArray[np.int32]:
    """Read one label image, and refuse what looks like a nucleus/background mask.

    Parameters
    ----------
    files : sequence of StoredFile
        As for `read_ids`.

    Returns
    -------
    ndarray, (Y, X), int32
        As of `read_ids`.

    Raises
    ------
    DatasetError
        As of `read_ids`, or one single id covers several separate regions: that is a
        nucleus/background mask, and would teach that all nuclei are one.
    """
    labels = read_ids(files)
    _refuse_single_id(files[0], labels)
    return labels


def read_ids(files: Sequence[StoredFile]) -> NDArray[np.int32]:
    """Read one label image: 0 background, each nucleus an id of its own.

    Parameters
    ----------
    files : sequence of StoredFile
        One file of an integer type.

    Returns
    -------
    ndarray, (Y, X), int32
        The ids as stored; they need not be consecutive.

    Raises
    ------
    DatasetError
        Ids are negative or above 2**31 - 1.
    """
    (file,) = files
    labels = read_plane(file)
    if labels.min() < 0 or labels.max() > np.iinfo(np.int32).max:
        raise DatasetError(
            f"{file} has labels from {labels.min()} to {labels.max()}; save ids between 0 and "
            "2**31 - 1."
        )
    return labels.astype(np.int32, copy=False)


def _read_mask(file: StoredFile) -> _Mask:
    mask = read_plane(file)
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        raise DatasetError(f"{file} is empty, it marks no nucleus; remove the file.")
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    cut = mask[window]
    if not _only(cut, 0, 255):
        raise DatasetError(
            f"{file} is not a 0/255 mask, it also has the value {cut[_others(cut, (0, 255))][0]}; "
            "save it as 0 (background) and 255 (nucleus)."
        )
    return _Mask(file, (mask.shape[0], mask.shape[1]), window, cut != 0)


def _paint(labels: NDArray[np.int32], mask: _Mask, index: int) -> None:
    if mask.shape != labels.shape:
        raise DatasetError(
            f"{mask.file} has {mask.shape} pixels where the masks beside it have {labels.shape}; "
            "replace it by one of the same size."
        )
    window = labels[mask.window]
    free = mask.inside & (window == 0)
    if not free.any():
        raise DatasetError(
            f"{mask.file} is covered entirely by other masks of the image; remove the duplicate."
        )
    window[free] = index


def _regions(inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    return np.asarray(label(inside), dtype=np.int32)


def _only(mask: NDArray[Any], *values: int) -> bool:
    """Tell whether all pixels have one of the values; a bool mask is 0 and any other value."""
    return mask.dtype == np.bool_ or not _others(mask, values).any()


def _others(mask: NDArray[Any], values: tuple[int, ...]) -> NDArray[np.bool_]:
    odd = np.ones(mask.shape, np.bool_)
    for value in values:
        odd &= mask != value
    return odd


def _refuse_single_id(file: StoredFile, labels: NDArray[np.int32]) -> None:
    foreground = labels[labels != 0]
    if foreground.size == 0 or (foreground != foreground[0]).any():
        return
    regions = int(_regions(labels != 0).max())
    if regions > 1:
        raise DatasetError(
            f"{file} has one id, {foreground[0]}, on {regions} separate regions; give each nucleus "
            "an id of its own, or use the train/inputs + train/masks layout for masks."
        )
