"""Tables of nuclei as CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_nuclei import files

_DECIMALS = 4


def write_csv(table: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write a table to a CSV file, whole or not at all.

    Parameters
    ----------
    table : mapping of str to ndarray, shape (n,)
        Columns of equal length, as `napari_nuclei.core.measure.measure` returns them. Floats are
        rounded to four decimals.
    path : Path
        The file; replaced when it is there already.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*(_cells(column) for column in table.values()), strict=True))
    files.write_text(path, text.getvalue())


def _cells(column: NDArray[Any]) -> list[Any]:
    is_float = column.dtype.kind == "f"
    return [round(value, _DECIMALS) if is_float else value for value in column.tolist()]
