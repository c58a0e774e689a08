"""Where the widgets are in napari's window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from pytestqt.qtbot import QtBot

    from conftest import FakeModel


def settle() -> None:
    """Let the zero timers run."""
    for _ in range(3):
        QCoreApplication.processEvents()


def test_widgets_share_a_dock_as_tabs_and_the_new_one_is_seen(
    viewer: Viewer, model: FakeModel, qtbot: QtBot
) -> None:
    viewer.window.show()
    window = viewer.window._qt_window
    segment, _ = viewer.window.add_plugin_dock_widget("napari-nuclei", "Segment nuclei")
    batch, widget = viewer.window.add_plugin_dock_widget("napari-nuclei", "Batch")
    qtbot.waitUntil(lambda: segment in window.tabifiedDockWidgets(batch))
    qtbot.waitUntil(lambda: widget.isVisible() and widget.visibleRegion().boundingRect().isValid())
    assert segment.visibleRegion().isEmpty()


def test_the_window_keeps_its_size(viewer: Viewer, model: FakeModel, qtbot: QtBot) -> None:
    viewer.window.show()
    window = viewer.window._qt_window
    window.resize(1300, 850)  # lower than two of the widgets one above the other
    settle()
    first, _ = viewer.window.add_plugin_dock_widget("napari-nuclei", "Segment nuclei")
    for count, name in enumerate(("Batch", "Correct and train"), start=1):
        settle()
        viewer.window.add_plugin_dock_widget("napari-nuclei", name)
        qtbot.waitUntil(lambda count=count: len(window.tabifiedDockWidgets(first)) == count)
    settle()
    assert (window.width(), window.height()) == (1300, 850)


def test_a_widget_that_was_moved_stays_where_it_is(viewer: Viewer, model: FakeModel) -> None:
    viewer.window.show()
    window = viewer.window._qt_window
    segment, _ = viewer.window.add_plugin_dock_widget("napari-nuclei", "Segment nuclei")
    segment.setFloating(True)
    batch, _ = viewer.window.add_plugin_dock_widget("napari-nuclei", "Batch")
    settle()
    batch.hide()
    segment.setFloating(False)
    batch.show()
    settle()
    assert not window.tabifiedDockWidgets(batch)


def test_keys_of_the_tools_act_only_where_the_tools_are_seen(
    viewer: Viewer, model: FakeModel, qtbot: QtBot
) -> None:
    viewer.window.show()
    free = set(viewer.keymap)
    correct, _ = viewer.window.add_plugin_dock_widget("napari-nuclei", "Correct and train")
    bound = set(viewer.keymap)
    assert bound > free
    viewer.window.add_plugin_dock_widget("napari-nuclei", "Batch")
    qtbot.waitUntil(lambda: set(viewer.keymap) == free)
    correct.raise_()
    qtbot.waitUntil(lambda: set(viewer.keymap) == bound)
