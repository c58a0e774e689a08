"""A project folder: images with corrected labels and what was checked of them, kept for years.

========================  =====================================================================
``project.json``          the version of the format; marks the folder as one that is written here
``images/<name>.tif``     the image as it was given, written once and never changed
``labels/<name>.tif``     int32: 0 is background, each nucleus has an id of its own
``checked/<name>.tif``    uint8: 255 where somebody vouches for the labels; missing: everywhere
========================  =====================================================================

Every file is written whole or not at all, and a new pair is there once its labels are, which come
last. A data set made by hand is as good, such as ``images/`` and ``labels/`` with the same names;
``checked/`` beside them counts there, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_nuclei import files
from napari_nuclei.core.review import count_checked
from napari_nuclei.errors import DatasetError, InputError
from napari_nuclei.pipeline import filenames
from napari_nuclei.pipeline.datasets import open_dataset
from napari_nuclei.pipeline.datasets.decoding import MAX_PIXELS, SUFFIXES, read_image, read_plane
from napari_nuclei.pipeline.datasets.labels import read_ids, read_label_image
from napari_nuclei.pipeline.datasets.storage import FolderStore, StoredFile
from napari_nuclei.pipeline.pair_files import has_pixels, write_tiff

FORMAT = 1
"""Of the project folder; a later one is refused, not guessed at."""

_MARKER = "project.json"
_IMAGES, _LABELS, _CHECKED = "images", "labels", "checked"
_SUFFIX = ".tif"


@dataclass(frozen=True)
class Pair:
    """An image with its corrected labels.

    Attributes
    ----------
    name : str
        Unlike that of any other pair, also in small letters; the files are named after it.
    image : numpy.ndarray
        Shape (Y, X) or (Y, X, 3), as `napari_nuclei.core.images.prepare` takes it.
    labels : numpy.ndarray
        Shape (Y, X), int32.
    checked : numpy.ndarray, optional
        Shape (Y, X), bool, as `napari_nuclei.core.review.checked_mask` makes it; None: all of it.

    Raises
    ------
    InputError
        When the shapes differ, the labels are no integers from 0 to 2**31 - 1, there are more
        pixels than an image file may have, or the name cannot be that of a file.
    """

    name: str
    image: NDArray[Any]
    labels: NDArray[np.int32]
    checked: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if not filenames.is_portable(self.name):
            raise InputError(
                f"The name {self.name[:64]!r} cannot be that of a file on every computer: choose a "
                r'shorter one, or one without \ / : * ? " < > | and dots at its ends.'
            )
        shapes = {"image": self.image.shape[:2], "labels": self.labels.shape}
        if self.checked is not None:
            shapes["mask of what was checked"] = self.checked.shape
        for what, shape in shapes.items():
            if shape != self.labels.shape or len(shape) != 2:
                raise InputError(
                    f"{self.name}: the {what} has shape {shape} and the labels "
                    f"{self.labels.shape}: give arrays of one (Y, X) shape."
                )
        if self.labels.dtype.kind not in "iu" or self.labels.min(initial=0) < 0:
            raise InputError(f"{self.name}: labels are integers of 0 (background) and up.")
        if self.labels.max(initial=0) > np.iinfo(np.int32).max:
            raise InputError(f"{self.name}: labels go up to {self.labels.max()}: number them anew.")
        if self.labels.size > MAX_PIXELS:
            raise InputError(
                f"{self.name}: {self.labels.size:,} pixels are more than the {MAX_PIXELS:,} that "
                "are read: save parts of the image."
            )

    @property
    def n_checked(self) -> int:
        """Number of nuclei that were checked."""
        return count_checked(self.labels, self.checked)


@dataclass(frozen=True)
class Project:
    """A project folder, or a folder of pairs that was made by hand."""

    folder: Path

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the pairs, sorted; none where there is no folder yet.

        Raises
        ------
        DatasetError
            When the folder is neither a project nor a data set, or comes from a later version.
        """
        return tuple(self._readers())

    def pairs(self) -> Iterator[Pair]:
        """Read all pairs one by one, in the order of `names`; the folder is looked through once.

        Raises
        ------
        DatasetError
            As `names`, or when a file is damaged.
        """
        for read in self._readers().values():
            yield read()

    def read(self, name: str) -> Pair:
        """Read a pair.

        Raises
        ------
        DatasetError
            When there is none of this name, or one of its files is damaged.
        """
        readers = self._readers()
        if name not in readers:
            raise DatasetError(f"{self.folder}: there is no pair named {name}.")
        return readers[name]()

    def known_as(self, name: str) -> str | None:
        """Return the name of the pair whose files some systems would take for those of this name.

        Raises
        ------
        DatasetError
            As `names`.
        """
        names, key = self.names, filenames.key(name)
        return name if name in names else next((n for n in names if filenames.key(n) == key), None)

    def find(self, image: NDArray[Any], name: str) -> str | None:
        """Return the name of the pair that has this image, `name` first.

        Raises
        ------
        DatasetError
            When the folder or an image cannot be read.
        """
        images = self._files(_IMAGES)
        names = sorted(self.names, key=lambda known: known != name)
        return next((n for n in names if n in images and has_pixels(images[n], image)), None)

    def save(self, pair: Pair) -> None:
        """Add a pair, or put new labels in the place of those that it had.

        Raises
        ------
        DatasetError
            When another image has this name, the folder holds something else or a data set of
            another layout, or it or the disk refuses.
        """
        self._refuse_other_layouts()
        name = self.known_as(pair.name) or pair.name
        known = self._files(_IMAGES)[name] if name in self._pairs else None
        if known is not None and not has_pixels(known, pair.image):
            raise DatasetError(
                f"{self.folder}: another image is named {name}; choose another name."
            )
        try:
            self._mark_own()
            if known is None:
                self._write(_IMAGES, name, pair.image)
            # Of a new pair the labels come last: with them it is there. Of a known one they come
            # first: what was checked just now must not vouch for the labels before.
            kinds = (_CHECKED, _LABELS) if known is None else (_LABELS, _CHECKED)
            arrays: dict[str, NDArray[Any]] = {
                _LABELS: pair.labels.astype(np.int32),
                _CHECKED: _to_mask(pair),
            }
            for kind in kinds:
                self._write(kind, name, arrays[kind])
        except OSError as error:
            raise DatasetError(
                f"{self.folder}: {pair.name} cannot be written ({error.strerror or error})."
            ) from error

    def remove(self, name: str) -> None:
        """Remove a pair.

        Raises
        ------
        DatasetError
            When there is none of this name, the folder is a data set of another layout, or the
            files cannot be removed.
        """
        self._refuse_other_layouts()
        if name not in self.names:
            raise DatasetError(f"{self.folder}: there is no pair named {name}.")
        try:
            # Another layout would miss what is left of the pair, or all pairs once none is left.
            self._mark_own()
            # The labels first: without them, what is left of a pair counts no more.
            for kind in (_LABELS, _CHECKED, _IMAGES):
                # Twice where new labels took the place of a PNG.
                while name in self._files(kind):
                    (self.folder / self._files(kind)[name].name).unlink()
        except OSError as error:
            raise DatasetError(f"{self.folder}: {name} cannot be removed ({error}).") from error

    def _refuse_other_layouts(self) -> None:
        """Refuse to write into a data set whose pairs would be gone once it is a project."""
        if set(self.names) != self._pairs:
            raise DatasetError(
                f"{self.folder}: a data set that is read but not written; choose an empty folder "
                "for corrections."
            )

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there, or no more than what systems, or a `save` under way, hide."""
        if not self.folder.is_dir():
            return not self.folder.exists()
        return all(path.name.startswith(".") for path in self.folder.iterdir())

    @property
    def is_own(self) -> bool:
        """Whether the folder was made here, and not by hand.

        Raises
        ------
        DatasetError
            When it comes from a later version, or what marks it is damaged.
        """
        marker = self.folder / _MARKER
        if not marker.is_file():
            return False
        try:
            version = json.loads(marker.read_text(encoding="utf-8"))["format"]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise DatasetError(
                f'{marker}: damaged; replace it by {{"format": {FORMAT}}}.'
            ) from error
        if version != FORMAT:
            raise DatasetError(f"{self.folder}: made by a newer version: update napari-nuclei.")
        return True

    @property
    def _pairs(self) -> set[str]:
        """Names of what has labels: an image without is what an interrupted `save` left."""
        return self._files(_LABELS).keys() & self._files(_IMAGES).keys()

    def _files(self, kind: str) -> dict[str, StoredFile]:
        """Return the readable files of a subfolder by their stems."""
        folder = self.folder / kind
        if not folder.is_dir():
            return {}
        # In this order, a file that was written here hides one that it replaces.
        found = sorted(folder.iterdir(), key=lambda path: path.suffix == _SUFFIX)
        store = FolderStore(self.folder)
        return {
            path.stem: StoredFile(store, f"{kind}/{path.name}")
            for path in found
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        }

    def _readers(self) -> dict[str, Callable[[], Pair]]:
        """Return what reads each pair, by its name, sorted."""
        masks = self._files(_CHECKED)
        if not self.is_empty and not self.is_own:
            items = open_dataset(self.folder).items
            return {
                item.id: partial(
                    self._pair, item.id, item.read_image, item.read_labels, masks.get(item.id)
                )
                for item in items
            }
        images, labels = self._files(_IMAGES), self._files(_LABELS)
        return {
            name: partial(
                self._pair,
                name,
                partial(read_image, images[name]),
                # Where somebody checked, one nucleus of two pieces is no mask of all nuclei.
                partial(read_ids if name in masks else read_label_image, [labels[name]]),
                masks.get(name),
            )
            for name in sorted(images.keys() & labels.keys())
        }

    def _pair(
        self,
        name: str,
        get_image: Callable[[], NDArray[Any]],
        get_labels: Callable[[], NDArray[np.int32]],
        mask: StoredFile | None,
    ) -> Pair:
        checked = None if mask is None else read_plane(mask) > 0
        try:
            return Pair(name.replace("/", "-"), get_image(), get_labels(), checked)
        except InputError as error:
            raise DatasetError(f"{self.folder}: {error}") from error

    def _mark_own(self) -> None:
        if not self.is_own:
            files.write_text(self.folder / _MARKER, json.dumps({"format": FORMAT}))

    def _write(self, kind: str, name: str, values: NDArray[Any]) -> None:
        write_tiff(self.folder / kind / f"{name}{_SUFFIX}", values)


def _to_mask(pair: Pair) -> NDArray[np.uint8]:
    checked = np.ones(pair.labels.shape, bool) if pair.checked is None else pair.checked
    return checked.astype(np.uint8) * np.uint8(255)
