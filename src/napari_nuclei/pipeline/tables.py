"""Tables of nuclei as CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_nuclei import files

_DECIMALS = 4


Table = Mapping[str, NDArray[Any]]
"""Columns of equal length, shape (n,), as `napari_nuclei.core.measure.measure` returns them."""


def write_csv(table: Table, path: Path) -> None:
    """Write a table to a CSV file, whole or not at all.

    Parameters
    ----------
    table : mapping of str to ndarray
        Floats are rounded to four decimals.
    path : Path
        The file; replaced when it is there already.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    write_csv_parts([table], path)


def write_csv_parts(parts: Iterable[Table], path: Path) -> None:
    """Write the rows of several tables, one in memory at a time; else as `write_csv`.

    Parameters
    ----------
    parts : iterable of mapping
        At least one; all have the same columns.
    path : Path
        The file.
    """
    files.replace_file(path, csv_writer(parts))


def csv_writer(parts: Iterable[Table]) -> files.Writer:
    """Return what writes such a file in place, for `napari_nuclei.files`."""

    def write(path: Path) -> None:
        # A name of a file can be of another encoding.
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            for number, table in enumerate(parts):
                if number == 0:
                    writer.writerow(table)
                writer.writerows(zip(*(_cells(column) for column in table.values()), strict=True))

    return write


def _cells(column: NDArray[Any]) -> list[Any]:
    is_float = column.dtype.kind == "f"
    return [round(value, _DECIMALS) if is_float else value for value in column.tolist()]
