"""What every widget of a dock does: share the room of the others, end its work when closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QTimer
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

    def close_work(self) -> None:
        """End all that runs, and listen to nothing any more."""
        raise NotImplementedError

    def set_in_front(self, is_in_front: bool) -> None:
        """Do what follows from being seen, or not: another tab is, the dock is closed.

        Qt neither hides nor shows what is behind another tab.
        """

    def event(self, event: QEvent) -> bool:
        """Take a place as soon as there is one, before the dock takes room from the others."""
        if event.type() == QEvent.Type.PolishRequest:
            self._take_place()
        return bool(super().event(event))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the way out of the dock."""
        if event.type() == QEvent.Type.ParentChange and self.parentWidget() is None:
            self.close_work()
        super().changeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Take a place, when there was none before."""
        if not self._has_place:
            # Not while Qt lays out the docks.
            QTimer.singleShot(0, self._take_place)
        super().showEvent(event)

    def _take_place(self) -> None:
        """Share the dock of another of these widgets; later on, the place is a person's to choose.

        One above the other, neither has room, and a window that is too low for both would grow.
        """
        dock = _dock_of(self)
        window = None if dock is None else dock.parentWidget()
        if dock is None or not isinstance(window, QMainWindow) or self._has_place:
            return
        self._has_place = True
        dock.visibilityChanged.connect(self.set_in_front)
        other = None if dock.isFloating() else next(_beside(dock, window), None)
        if other is not None:
            window.tabifyDockWidget(other, dock)
            dock.show()
            dock.raise_()


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
