"""A whole data set: open it, choose images from it, say what is in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets.layouts import Layout, find_items
from napari_nuclei.pipeline.datasets.splits import Split, draw_validation
from napari_nuclei.pipeline.datasets.storage import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_nuclei.pipeline.datasets.items import Item


@dataclass(frozen=True)
class Dataset:
    """Images with their nuclei.

    Attributes
    ----------
    path : Path
        The folder or archive.
    layout : str
        ``"kaggle"``, ``"course"`` or ``"pairs"``.
    items : tuple of Item
        Sorted by id.
    """

    path: Path
    layout: Layout
    items: tuple[Item, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """The course layout's parts that are there, ``"train"`` and ``"test"``; else empty."""
        return tuple(sorted({item.group for item in self.items if item.group}))

    def in_group(self, group: str) -> Dataset:
        """Return the images of one part of the course layout.

        Raises
        ------
        DatasetError
            There is no such part.
        """
        if group not in self.groups:
            known = ", ".join(self.groups) or "none"
            raise DatasetError(f"{self.path} has no part {group!r}; its parts: {known}.")
        return self._keep(lambda item: item.group == group)

    def select(self, splits: Mapping[str, Split], split: str) -> Dataset:
        """Return the images that a splits file names for one split, with their kinds.

        Parameters
        ----------
        splits : mapping of str to Split
            As `read_splits` returns it.
        split : str
            Such as ``"val"``.

        Raises
        ------
        DatasetError
            No image has this split, or one that has it is not in the data set. Images that the
            file does not name are left out.
        """
        kinds = {name: line.kind for name, line in splits.items() if line.split == split}
        if not kinds:
            known = ", ".join(sorted({line.split for line in splits.values()})) or "none"
            raise DatasetError(
                f"The splits file has no image for the split {split!r}; its splits: {known}."
            )
        unknown = sorted(kinds.keys() - {item.id for item in self.items})
        if unknown:
            raise DatasetError(
                f"{self.path} lacks {len(unknown)} of the {len(kinds)} images that the splits file "
                f"names for {split!r}, {unknown[0]} for one; give the data set it was made for."
            )
        chosen = self._keep(lambda item: item.id in kinds)
        return replace(
            chosen, items=tuple(replace(item, kind=kinds[item.id]) for item in chosen.items)
        )

    def _keep(self, wanted: Callable[[Item], bool]) -> Dataset:
        return replace(self, items=tuple(filter(wanted, self.items)))


@dataclass(frozen=True)
class Summary:
    """What a data set holds, as ``napari-nuclei data info`` prints it.

    Attributes
    ----------
    path : Path
        The folder or archive.
    layout : str
        ``"kaggle"``, ``"course"`` or ``"pairs"``.
    n_images : int
        Number of images.
    n_label_files : int
        Number of mask files or label images.
    sizes : dict of (int, int) to int
        Images of each size (Y, X), the most frequent size first.
    kinds, groups : dict of str to int
        Images of each kind, and of each part of the course layout.
    n_nuclei : int or None
        Number of nuclei, None where they were not counted.
    """

    path: Path
    layout: Layout
    n_images: int
    n_label_files: int
    sizes: dict[tuple[int, int], int]
    kinds: dict[str, int]
    groups: dict[str, int]
    n_nuclei: int | None


def open_dataset(path: Path) -> Dataset:
    """Open a data set where it lies, without extracting anything.

    Every picture is paired with its masks, and the sizes in all their headers are compared, before
    this returns. Contents are verified when an item is read.

    Parameters
    ----------
    path : Path
        A folder or a .zip file in one of the three layouts of `layouts`.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        The path is missing, the layout unknown, or a file has no counterpart, a wrong size or an
        unreadable header.
    """
    path = Path(path)
    layout, items = find_items(open_store(path))
    return Dataset(path, layout, items)


def split_by_image(dataset: Dataset, val_fraction: float, seed: int) -> tuple[Dataset, Dataset]:
    """Split whole images at random into training and validation, each kind in proportion.

    Parameters
    ----------
    dataset : Dataset
        The images; their order plays no part.
    val_fraction : float
        Share to validate on, between 0 and 1. From two images on, each side gets at least one;
        a single image goes to training.
    seed : int
        Same seed, same split.

    Returns
    -------
    train, val : Dataset

    Raises
    ------
    DatasetError
        `val_fraction` is not between 0 and 1.
    """
    kinds = {item.id: item.kind for item in dataset.items}
    chosen = draw_validation(kinds, val_fraction, seed)
    return (
        dataset._keep(lambda item: item.id not in chosen),
        dataset._keep(lambda item: item.id in chosen),
    )


def describe(dataset: Dataset, *, count_nuclei: bool = False) -> Summary:
    """Say what a data set holds.

    Parameters
    ----------
    dataset : Dataset
        An opened data set.
    count_nuclei : bool
        Also read every label file and count the nuclei, which verifies their contents, too.

    Raises
    ------
    DatasetError
        With `count_nuclei`, as `Item.read_labels`.
    """
    items = dataset.items
    return Summary(
        path=dataset.path,
        layout=dataset.layout,
        n_images=len(items),
        n_label_files=sum(len(item.label_files) for item in items),
        sizes=dict(Counter(item.shape for item in items).most_common()),
        kinds=dict(Counter(item.kind for item in items)),
        groups=dict(Counter(item.group for item in items if item.group)),
        n_nuclei=sum(map(_count_nuclei, items)) if count_nuclei else None,
    )


def _count_nuclei(item: Item) -> int:
    return int(np.count_nonzero(np.unique(item.read_labels())))
