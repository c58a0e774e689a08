"""A picture that is as wide as there is room, such as what a network finds by now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QLabel, QSizePolicy

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent
    from qtpy.QtWidgets import QWidget


class Preview(QLabel):
    """Shows the picture of a file; hidden without one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = QPixmap()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_file(self, path: str) -> None:
        """Show a picture; none when it cannot be read."""
        self._picture = QPixmap(path)
        self.setVisible(not self._picture.isNull())
        self.setToolTip(f'<img src="{QUrl.fromLocalFile(path).toString()}">')
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Follow the width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if not self._picture.isNull():
            smooth = Qt.TransformationMode.SmoothTransformation
            fitted = self._picture.scaledToWidth(max(1, self.width()), smooth)
            self.setFixedHeight(fitted.height())
            self.setPixmap(fitted)
