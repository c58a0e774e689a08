"""A folder, typed or chosen."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

from napari_nuclei import paths


class FolderBox(QWidget):
    """A line for the path of a folder, and a button that opens the file dialog."""

    changed = Signal()

    def __init__(self, title: str, tool_tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self.line = QLineEdit()
        self.line.setPlaceholderText("choose a folder")
        self.button = QPushButton("Browse…")
        self.setToolTip(tool_tip)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.button)
        self.line.textChanged.connect(self.changed)
        self.button.clicked.connect(self._browse)

    @property
    def path(self) -> Path | None:
        """The folder; None when nothing was given."""
        text = self.line.text().strip()
        return paths.expanded(text) if text else None

    def set_path(self, path: Path | str) -> None:
        """Show a folder; empty for none."""
        self.line.setText(str(path))

    def _browse(self) -> None:
        start = self.line.text()
        chosen = QFileDialog.getExistingDirectory(self, self._title, start)
        if chosen:
            self.set_path(chosen)
