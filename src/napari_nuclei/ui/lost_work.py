"""Offers what was corrected before a crash, once, as new layers."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QMessageBox, QPushButton, QVBoxLayout, QWidget

from napari_nuclei import paths
from napari_nuclei.errors import NucleiError
from napari_nuclei.pipeline.autosave import Lost, Work, find_lost
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.ui.autosaver import autosaver
from napari_nuclei.ui.corrections import corrections_of
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.label_plane import in_layer
from napari_nuclei.ui.notify import notify

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer

_RESTORED = " (restored)"


class LostWork(QWidget):
    """A line with two buttons, shown only where there is something to restore.

    `restored` tells of each layer that was made.
    """

    restored = Signal(object)

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._lost: tuple[Lost, ...] = ()
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.restore = QPushButton("Restore")
        self.restore.setToolTip("Add them as new layers; your layers stay as they are")
        self.discard = QPushButton("Discard…")
        self.discard.setToolTip("Remove these corrections for good")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        buttons = QHBoxLayout()
        buttons.addWidget(self.restore)
        buttons.addWidget(self.discard)
        layout.addLayout(buttons)
        self.hide()
        self.finder = Job(self)
        self.finder.succeeded.connect(self._offer)
        self.finder.failed.connect(notify)
        self.reader = Job(self)
        self.reader.succeeded.connect(self._add)
        self.reader.failed.connect(notify)
        self.restore.clicked.connect(self._restore)
        self.discard.clicked.connect(self._discard)
        self.finder.start(_find_steps())

    def _offer(self, lost: tuple[Lost, ...]) -> None:
        self._lost = lost
        names = ", ".join(f"{one.name} ({one.saved:%d %b %H:%M})" for one in lost)
        self.text.setText(f"Not saved when napari ended before its time: corrections of {names}.")
        self.setVisible(bool(lost))

    def _restore(self) -> None:
        if not self.reader.running:
            self.hide()
            self.reader.start(_read_steps(self._lost))

    def _discard(self) -> None:
        names = ", ".join(one.name for one in self._lost)
        question = f"Delete the corrections of {names}? This cannot be undone."
        if QMessageBox.question(self, "Discard", question) != QMessageBox.StandardButton.Yes:
            return
        self.hide()
        for one in self._lost:
            try:
                one.discard()
            except OSError as error:
                notify(error)

    def _add(self, outcome: tuple[tuple[Lost, Work | NucleiError], ...]) -> None:
        for lost, work in outcome:
            if isinstance(work, NucleiError):
                notify(work)
            else:
                self._add_layer(lost, work)

    def _add_layer(self, lost: Lost, work: Work) -> None:
        name = work.name.removesuffix(_RESTORED) + _RESTORED
        labels = in_layer(work.labels, len(work.place.get("scale", work.labels.shape)))
        layer: Labels = self._viewer.add_labels(labels, name=name, **work.place)
        corrections_of(layer).resume(work.found, work.painted, work.seen)
        try:
            autosaver().adopt(layer, lost)
        except OSError as error:
            notify(error)
        self.restored.emit(layer)


def _find_steps() -> Generator[Progress, None, tuple[Lost, ...]]:
    yield Progress(0, 0)
    return find_lost(paths.autosaves())


def _read_steps(
    lost: tuple[Lost, ...],
) -> Generator[Progress, None, tuple[tuple[Lost, Work | NucleiError], ...]]:
    outcome: list[tuple[Lost, Work | NucleiError]] = []
    for one in lost:
        yield Progress(0, 0)
        try:
            outcome.append((one, one.read()))
        except NucleiError as error:
            outcome.append((one, error))
    return tuple(outcome)
