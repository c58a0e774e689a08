"""How far an image is, as one line of the terminal that whatever is printed next replaces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tqdm import tqdm

    from napari_nuclei.pipeline.prediction import Progress

# What is done sooner needs no line.
_PATIENCE_S = 0.5


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
        self._bar: tqdm | None = None

    def show(self, image: Path, progress: Progress | None) -> None:
        """Take the place of the line before; None, or a total of 0: there is nothing to tell."""
        if progress is None or not progress.total:
            return
        if self._bar is None:
            self._bar = self._begin(image, progress)
        self._bar.total = progress.total
        # Back to the start, too: blocks are counted anew while their labels are put together.
        self._bar.update(progress.done - self._bar.n)

    def clear(self) -> None:
        """Leave nothing of the line; the next one may be of another image."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _begin(self, image: Path, progress: Progress) -> tqdm:
        # A tenth of a second to import, which most commands do not need.
        from tqdm import tqdm

        return tqdm(
            desc=image.name,
            total=progress.total,
            initial=progress.done,
            unit=f" {self._unit}",
            leave=False,
            disable=None,  # unless it is a terminal
            delay=_PATIENCE_S,
            dynamic_ncols=True,
        )
