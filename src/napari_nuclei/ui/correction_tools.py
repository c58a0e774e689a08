"""The panel of the correction tools: buttons with their keys, what to do next, what is checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_nuclei.errors import InputError
from napari_nuclei.ui.autosaver import autosaver
from napari_nuclei.ui.lost_work import LostWork
from napari_nuclei.ui.marks import Marks
from napari_nuclei.ui.shortcuts import Shortcuts
from napari_nuclei.ui.toolbox import (
    ACCEPT,
    DELETE,
    FILL,
    MERGE,
    NEXT,
    PREVIOUS,
    RECTANGLE,
    REDRAW,
    SPLIT,
    VIEW,
    Toolbox,
)

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer
    from qtpy.QtGui import QHideEvent, QShowEvent

WORDS = {
    PREVIOUS: ("Previous", "Go back to the nucleus before"),
    NEXT: ("Next to check", "Go to the least certain nucleus that nobody has checked"),
    ACCEPT: ("Accept", "This nucleus is right as it is; once more takes that back"),
    DELETE: ("Delete", "This is no nucleus: make it background"),
    MERGE: ("Merge", "Make one nucleus of two that touch or nearly do"),
    SPLIT: ("Split", "Cut a nucleus along a line, or between two points that you click"),
    FILL: ("Fill", "Fill the holes of a nucleus, and notches in its outline"),
    REDRAW: ("Redraw", "Erase a nucleus and draw it anew, as a polygon"),
    RECTANGLE: (
        "Area is right",
        "Drag a rectangle: everything in it is right, background included",
    ),
    VIEW: ("View is right", "Everything that you see now is right, background included"),
}
"""Text and tool tip of the button of each key, in the order in which they are shown."""

ADVICE = f"{NEXT} goes to the least certain nucleus; or point at one, and use a key."
"""Told where there is nothing else to tell."""

_COLUMNS = 2
_WAIT_MS = 50


class CorrectionTools(QWidget):
    """Corrects the layer that `set_layer` was given; keys work while the panel is not hidden.

    Parameters
    ----------
    viewer : napari.Viewer
        The one that shows the layer.
    """

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: Labels | None = None
        self._shortcuts: Shortcuts | None = None
        self.toolbox = Toolbox(viewer, self)
        self.marks = Marks(viewer, self)
        self.lost = LostWork(viewer, self)
        self.buttons = {key: _button(key, *words) for key, words in WORDS.items()}
        self.position = QLabel()
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        # One count for all that comes at once.
        self._timer = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._lay_out()
        self._connect()
        self.resume()
        self._show_layer("")

    def set_layer(self, layer: Labels | None) -> None:
        """Correct another layer; None: nothing."""
        if layer is self._layer:
            return
        self._unwatch()
        self._layer = layer
        try:
            self.toolbox.take(layer)
        except InputError as error:
            self.marks.follow(None)
            self._show_layer(str(error))
            return
        self.marks.follow(self.toolbox.corrector)
        if layer is not None and self.toolbox.corrector is not None:
            self.toolbox.corrector.corrections.changed.connect(self._on_changed)
            autosaver().watch(layer)
        self._show_layer("")

    def resume(self) -> None:
        """Bind the keys that nobody else has bound to the buttons, and mark what is checked."""
        self._timer.start()
        if self._shortcuts is None:
            actions: dict[str, Callable[[], object]] = {
                key: partial(self._on_key, key) for key in WORDS
            }
            self._shortcuts = Shortcuts(self._viewer, actions)

    def release(self) -> None:
        """Let the keys and the mouse go, and the marks: nobody sees the panel."""
        self.toolbox.leave()
        self.marks.remove()
        if self._shortcuts is not None:
            self._shortcuts.release()
            self._shortcuts = None

    def showEvent(self, event: QShowEvent) -> None:
        """Take up the work again."""
        self.resume()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Let the keys go, unless it is the whole window that is minimised.

        napari hides a dock that is closed. Not in `changeEvent`: Qt calls that once more when
        Python collects the closed panel, and crashes.
        """
        if not event.spontaneous():
            self.release()
        super().hideEvent(event)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        grid = QGridLayout()
        for place, button in enumerate(self.buttons.values()):
            grid.addWidget(button, *divmod(place, _COLUMNS))
        layout.addWidget(self.lost)
        # What is told comes before the buttons: in a low dock it is seen, and keys do for them.
        layout.addWidget(self.position)
        layout.addWidget(self.hint)
        layout.addLayout(grid)
        # Two lines, so that nothing below jumps with each hint.
        self.hint.setMinimumHeight(2 * self.hint.fontMetrics().lineSpacing())
        self.hint.setAlignment(Qt.AlignmentFlag.AlignTop)

    def _connect(self) -> None:
        for key, button in self.buttons.items():
            button.clicked.connect(partial(self._on_clicked, key))
        self.toolbox.said.connect(self._tell)
        self.toolbox.chosen.connect(self._on_chosen)
        self.toolbox.queue.ranked.connect(self._show_checked)
        self.toolbox.queue.moved.connect(self._timer.start)
        self._timer.timeout.connect(self._show_checked)
        self._viewer.layers.events.removed.connect(self._on_removed)

    def _on_clicked(self, key: str, checked: bool = False) -> None:
        self.toolbox.press(key)
        self._on_chosen(self.toolbox.key)

    def _on_key(self, key: str) -> None:
        if self._layer is not None and self._viewer.layers.selection.active is self._layer:
            self.toolbox.press(key)

    def _on_chosen(self, chosen: str) -> None:
        for key, button in self.buttons.items():
            button.setChecked(key == chosen)

    def _on_changed(self) -> None:
        self._timer.start()

    def _on_removed(self, event: object = None) -> None:
        if self._layer is not None and self._layer not in self._viewer.layers:
            self.set_layer(None)

    def _unwatch(self) -> None:
        if self.toolbox.corrector is not None:
            self.toolbox.corrector.corrections.changed.disconnect(self._on_changed)

    def _show_layer(self, refusal: str) -> None:
        for button in self.buttons.values():
            button.setEnabled(self.toolbox.corrector is not None)
        self._tell(refusal)
        self._show_checked()

    def _tell(self, told: str) -> None:
        self.hint.setText(told or ("" if self.toolbox.corrector is None else ADVICE))

    def _show_checked(self) -> None:
        queue = self.toolbox.queue
        # Not after the panel was hidden.
        if self._shortcuts is not None:
            self.marks.show(queue.current, queue.typical_px)
        self._show_position()

    def _show_position(self) -> None:
        corrector, order = self.toolbox.corrector, self.toolbox.queue.order
        if corrector is None or order is None:
            self.position.setText("")
            return
        n_checked = len(corrector.corrections.done.intersection(order))
        # Not "of": nuclei come and go with each correction, and others are counted elsewhere.
        self.position.setText(f"{n_checked} checked, {len(order) - n_checked} to check")


def _button(key: str, text: str, tool_tip: str) -> QPushButton:
    shown = key.replace("-", "+")
    button = QPushButton(f"{text} ({shown})")
    button.setToolTip(f"{tool_tip}. Key: {shown}")
    button.setCheckable(True)
    # A click leaves the keyboard to the canvas.
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
