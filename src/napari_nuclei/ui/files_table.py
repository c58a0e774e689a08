"""The files of a batch and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_nuclei.pipeline.summary import Failed

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent

    from napari_nuclei.pipeline.batch import BatchProgress
    from napari_nuclei.pipeline.summary import Outcome

WAITING = "waiting"
_NAME, _STATE = range(2)


class FilesTable(QTableWidget):
    """A row for each image: its name and its state in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 2, parent)
        self._rows: dict[Path, int] = {}
        self._running: Path | None = None
        self._failed_rows: set[int] = set()
        self.setHorizontalHeaderLabels(["Image", "State"])
        self.verticalHeader().hide()
        self.setEditTriggers(self.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(self.SelectionBehavior.SelectRows)
        self.setMinimumHeight(120)
        self.setToolTip("What became of each image of the folder")
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)

    def show_images(self, images: Sequence[Path]) -> None:
        """Show images that all wait."""
        self._rows = {image: row for row, image in enumerate(images)}
        self._running = None
        self._failed_rows.clear()
        # None first: rows of long reasons are high.
        self.setRowCount(0)
        self.setRowCount(len(images))
        for image, row in self._rows.items():
            self._write(row, _NAME, image.name, str(image))
            self._write(row, _STATE, WAITING)

    def state(self, row: int) -> str:
        """Return the state of an image in words."""
        return self.item(row, _STATE).text()

    def show_progress(self, progress: BatchProgress, *, semantic: bool) -> None:
        """Show how far an image is, or what became of it."""
        row = self._rows[progress.image]
        if progress.outcome is not None:
            self._running = None
            self._write(row, _STATE, describe(progress.outcome, semantic=semantic))
            if isinstance(progress.outcome, Failed):
                self._failed_rows.add(row)
                self.resizeRowToContents(row)
            return
        if self._running != progress.image:
            self._running = progress.image
            self.scrollToItem(self.item(row, _NAME))
        tiles = progress.tiles
        share = f", {tiles.done} of {tiles.total} tiles" if tiles and tiles.total else ""
        self._write(row, _STATE, f"running{share}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep room for the reasons."""
        super().resizeEvent(event)
        for row in self._failed_rows:
            self.resizeRowToContents(row)

    def stop(self) -> None:
        """Let the image that was running wait again."""
        if self._running is not None:
            self._write(self._rows[self._running], _STATE, WAITING)
            self._running = None

    def _write(self, row: int, column: int, text: str, tool_tip: str = "") -> None:
        item = QTableWidgetItem(text)
        item.setToolTip(tool_tip or text)
        self.setItem(row, column, item)


def describe(outcome: Outcome, *, semantic: bool) -> str:
    """Return what became of an image, in words."""
    if isinstance(outcome, Failed):
        # The name stands beside it, and would leave no room for the reason.
        return f"failed: {outcome.explanation.removeprefix(outcome.image.name).lstrip(': ')}"
    found = outcome.in_words(semantic=semantic)
    return f"{found}, done before" if outcome.done_before else found
