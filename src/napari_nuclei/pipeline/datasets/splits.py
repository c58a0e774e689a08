"""Which image belongs to which part of an experiment: from a splits file, or drawn by a seed."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_nuclei.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

_COLUMNS = ("image_id", "kind", "split")


@dataclass(frozen=True)
class Split:
    """One line of a splits file.

    Attributes
    ----------
    kind : str
        What sort of image it is, such as ``"fluorescence"``.
    split : str
        The part it belongs to, such as ``"train"`` or ``"val"``.
    """

    kind: str
    split: str


def read_splits(path: Path) -> dict[str, Split]:
    """Read a CSV file with the columns ``image_id``, ``kind`` and ``split``.

    Parameters
    ----------
    path : Path
        The file, in UTF-8.

    Returns
    -------
    dict of str to Split
        By image id, in the order of the file.

    Raises
    ------
    DatasetError
        The file is missing or unreadable, lacks a column or a value, or names an image twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            return _collect(path, rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"{path} cannot be read ({error}); give a CSV file with the columns "
            f"{', '.join(_COLUMNS)}."
        ) from error


def _collect(path: Path, rows: csv.DictReader[str]) -> dict[str, Split]:
    for column in _COLUMNS:
        if column not in (rows.fieldnames or ()):
            raise DatasetError(f"{path} lacks the column {column}; it needs {', '.join(_COLUMNS)}.")
    splits: dict[str, Split] = {}
    for row in rows:
        if not all(row[name] for name in _COLUMNS):
            raise DatasetError(f"{path}, line {rows.line_num}, lacks a value; complete it.")
        if row["image_id"] in splits:
            raise DatasetError(
                f"{path}, line {rows.line_num}, names {row['image_id']} again; keep one line an "
                "image."
            )
        splits[row["image_id"]] = Split(row["kind"], row["split"])
    return splits


def draw_validation(kinds: dict[str, str], val_fraction: float, seed: int) -> set[str]:
    """Draw the images to validate on.

    The ids are ordered by kind, at random within each, and every n-th is taken: each kind gets
    its share up to rounding. They are sorted before they are shuffled, so that the order in which
    a file system lists them does not matter.

    Parameters
    ----------
    kinds : dict of str to str
        Kind by image id.
    val_fraction : float
        Share to draw, between 0 and 1.
    seed : int
        Same seed, same images.

    Returns
    -------
    set of str
        Ids; from two images on at least one, and never all; none of a single image.

    Raises
    ------
    DatasetError
        `val_fraction` is not between 0 and 1.
    """
    if not 0 < val_fraction < 1:
        raise DatasetError(
            f"The validation fraction {val_fraction} is not between 0 and 1; 0.2 is usual."
        )
    if len(kinds) < 2:
        return set()
    ids = sorted(kinds)
    ids = [ids[i] for i in np.random.default_rng(seed).permutation(len(ids))]
    ids.sort(key=kinds.__getitem__)
    count = min(max(round(len(ids) * val_fraction), 1), len(ids) - 1)
    # The middle of each of `count` equal stretches, in integers: exact, and never the same twice.
    return {ids[(2 * i + 1) * len(ids) // (2 * count)] for i in range(count)}
