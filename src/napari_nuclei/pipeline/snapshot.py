"""The copy of the corrections in a run folder, and what a model tells of where it comes from."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.projects import Pair, Project

_MOST_DESCRIBED = 1000


def take_snapshot(pairs: str | Sequence[Pair], folder: Path) -> None:
    """Copy annotated images, in place of what an interrupted copy left.

    Parameters
    ----------
    pairs : str or sequence of Pair
        A project folder or data set, or the images themselves.
    folder : Path
        Becomes a project folder.

    Raises
    ------
    DatasetError
        When there are none, one cannot be read, or the copy cannot be written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for pair in read_pairs(Path(pairs)) if isinstance(pairs, str) else pairs:
        Project(folder).save(pair)


def read_pairs(folder: Path) -> Iterator[Pair]:
    """Yield all annotated images of a project folder or data set.

    Raises
    ------
    DatasetError
        When there are none, or one cannot be read.
    """
    pairs = Project(folder).pairs()
    first = next(pairs, None)
    if first is None:
        raise DatasetError(f"{folder}: there are no images to learn from.")
    yield first
    yield from pairs


def describe_pairs(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Return name, number of checked nuclei and sha256 of each pair, as JSON values.

    Of more than a thousand pairs only the first are described: a manifest has no room for all.
    """
    return [
        {"name": pair.name, "checked_nuclei": pair.n_checked, "sha256": _sha256(pair)}
        for pair in pairs[:_MOST_DESCRIBED]
    ]


def _sha256(pair: Pair) -> str:
    """Return the sha256 of the pixels: what the model learnt from, whatever file it was in."""
    digest = hashlib.sha256()
    for array in (pair.image, pair.labels, pair.checked):
        if array is not None:
            digest.update(f"{array.shape} {array.dtype.str}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
