"""A column of parts that may be higher than the screen."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QFrame, QScrollArea, QWidget

_SETTLE_MS = 50
_CHANGES = {QEvent.Type.LayoutRequest, QEvent.Type.StyleChange, QEvent.Type.Resize}


class TallArea(QScrollArea):
    """Scrolls up and down alone: it is as wide as its content needs, with its scroll bar.

    Parameters
    ----------
    content : QWidget
        Parts of it may be shown and hidden at any time.
    """

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._revealed: QWidget | None = None
        self._timer = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._timer.timeout.connect(self._scroll)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Always: when it came, everything beside it would move.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setWidgetResizable(True)
        self.setWidget(content)
        content.installEventFilter(self)
        self._fit()

    def reveal(self, part: QWidget) -> None:
        """Scroll until as much of a part is seen as there is room for."""
        self._revealed = part
        self._timer.start()

    def eventFilter(self, content: QObject, event: QEvent) -> bool:
        """Follow the parts that are shown and hidden."""
        if event.type() in _CHANGES and content is self.widget():
            self._fit()
            if self._timer.isActive():
                self._timer.start()
        return super().eventFilter(content, event)

    def _fit(self) -> None:
        room = self.verticalScrollBar().sizeHint().width() + 2 * self.frameWidth()
        self.setMinimumWidth(self.widget().minimumSizeHint().width() + room)

    def _scroll(self) -> None:
        if self._revealed is not None:
            part, bar = self._revealed, self.verticalScrollBar()
            top = part.mapTo(self.widget(), part.rect().topLeft()).y()
            hidden = top + part.height() - self.viewport().height()
            bar.setValue(min(top, max(bar.value(), hidden)))
