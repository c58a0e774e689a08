"""How far an image is, as one line of the terminal that the next one takes the place of."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from napari_nuclei.pipeline.prediction import Progress


@contextmanager
def progress_line(unit: str) -> Iterator[ProgressLine]:
    """Give a line of which nothing is left after the block.

    Parameters
    ----------
    unit : str
        What is counted: ``"tiles"`` or ``"blocks"``.
    """
    line = ProgressLine(unit)
    try:
        yield line
    finally:
        line.clear()


class ProgressLine:
    """A line on the standard error, for somebody who looks: in a file it would be many."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._width = 0

    def show(self, image: Path, progress: Progress | None) -> None:
        """Take the place of the line before; None, or a total of 0: there is nothing to tell."""
        if progress and progress.total:
            self._write(f"{image.name}: {progress.done} of {progress.total} {self._unit}")

    def clear(self) -> None:
        """Leave nothing of the line."""
        if self._width:
            self._write("")

    def _write(self, text: str) -> None:
        if sys.stderr.isatty():
            print(text.ljust(self._width), end="\r", file=sys.stderr, flush=True)
            self._width = len(text)
