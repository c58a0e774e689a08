"""What every widget of a dock does: share the room of the others, end its work when closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSize, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.viewer import Viewer
    from qtpy.QtGui import QShowEvent


class DockWidget(QWidget):
    """A widget that napari puts into a dock, and takes out of it as the dock is closed."""

    def __init__(self) -> None:
        super().__init__()
        self._has_place = False
        self._window_size = QSize()

    def close_work(self) -> None:
        """End all that runs, and listen to nothing any more."""
        raise NotImplementedError

    def set_in_front(self, is_in_front: bool) -> None:
        """Do what follows from being seen, or not: another tab is, the dock is closed.

        Qt neither hides nor shows what is behind another tab.
        """

    def event(self, event: QEvent) -> bool:
        """Note how large the window is before the dock takes room in it."""
        if event.type() == QEvent.Type.PolishRequest:
            self._window_size = self.window().size()
        return bool(super().event(event))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the way out of the dock."""
        if event.type() == QEvent.Type.ParentChange and self.parentWidget() is None:
            self.close_work()
        super().changeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Take a place; later on, it is the person's to choose."""
        dock = _dock_of(self)
        if dock is not None and not self._has_place:
            self._has_place = True
            dock.visibilityChanged.connect(self.set_in_front)
            # Not while Qt lays out the docks.
            QTimer.singleShot(0, self._join_tabs)
        super().showEvent(event)

    def _join_tabs(self) -> None:
        """Share the dock of another of these widgets: one above the other, neither has room.

        For a moment they are so, and a window that is too low for both has grown: it gets the
        size back that it had.
        """
        dock = _dock_of(self)
        window = None if dock is None else dock.parentWidget()
        if dock is not None and not dock.isFloating() and isinstance(window, QMainWindow):
            for other in _beside(dock, window):
                window.tabifyDockWidget(other, dock)
                dock.raise_()
                window.layout().activate()
                if self._window_size.isValid() and not window.isMaximized():
                    window.resize(self._window_size)
                return


def unwrapped(viewer: Viewer) -> Viewer:
    """Return the viewer that a plugin is given, and whose layers are the same ones each time.

    napari wraps it for plugins, and every layer anew: what is kept by layer would not be found.
    """
    inner: Viewer = getattr(viewer, "__wrapped__", viewer)
    return inner


def _beside(dock: QDockWidget, window: QMainWindow) -> Iterator[QDockWidget]:
    """Give the docks of other widgets of the plugin that take room from this one."""
    area = window.dockWidgetArea(dock)
    for other in window.findChildren(QDockWidget):
        is_ours = other is not dock and other.findChild(DockWidget) is not None
        is_beside = window.dockWidgetArea(other) == area and not other.isFloating()
        if is_ours and is_beside and other.isVisible():
            yield other


def _dock_of(widget: QWidget) -> QDockWidget | None:
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent
