"""What every widget of a dock does: end its work when the dock is closed."""

from __future__ import annotations

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QWidget


class DockWidget(QWidget):
    """A widget that napari puts into a dock, and takes out of it as the dock is closed."""

    def close_work(self) -> None:
        """End all that runs, and listen to nothing any more."""
        raise NotImplementedError

    def changeEvent(self, event: QEvent) -> None:
        """Follow the way out of the dock."""
        if event.type() == QEvent.Type.ParentChange and self.parentWidget() is None:
            self.close_work()
        super().changeEvent(event)
