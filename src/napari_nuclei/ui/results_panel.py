"""What was found: the count that follows the brush, table, CSV, and code for the same labels."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_nuclei.errors import InputError
from napari_nuclei.model.store import present_name
from napari_nuclei.pipeline import tables
from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.reproduce import as_command, as_python
from napari_nuclei.pipeline.summary import count_in_words
from napari_nuclei.ui.jobs import Job
from napari_nuclei.ui.probability_layer import ProbabilityLayers
from napari_nuclei.ui.recount import Recount

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer

    from napari_nuclei.pipeline.reproduce import ImageSource
    from napari_nuclei.ui.found import Found

    AsText = Callable[[dict[str, Any], ImageSource], str]


_PROBABILITY = "How sure the network is that a pixel is nucleus, as a layer"
_NO_PROBABILITY = (
    "The probability of so many planes takes too much memory to be kept: segment fewer planes, or\n"
    "a part of the image, to see it."
)


class ResultsPanel(QWidget):
    """Shows the result whose layer is selected, or else the last one."""

    failed = Signal(object)

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._found: dict[Labels, Found] = {}
        self._current: Found | None = None
        self._probabilities = ProbabilityLayers(viewer)
        self.recount = Recount(self)
        self.writer = Job(self)
        self.count = QLabel()
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.probability = QCheckBox("Show probability")
        self.table = _button("Table", "Open napari's table: click a row to see its nucleus")
        self.save = _button("Save CSV…", "Save the table with the columns of the command line")
        self.python = _button("Copy as Python", "Copy code that gives the labels again")
        self.command = _button("Copy as command", "Copy the command that gives the labels again")
        self._lay_out()
        self._connect()
        self._show()

    @property
    def current(self) -> Found | None:
        """The result that is shown."""
        return self._current

    def add(self, found: Found) -> None:
        """Show a result, new or with other labels, and follow its layer."""
        self._found[found.layer] = found
        # Other thresholds for one layer leave the count of another that is selected.
        self._current = self._found.get(self._viewer.layers.selection.active, found)
        self.recount.watch(found)
        if self.probability.isChecked():
            self._probabilities.show(found)
        self._show()

    def stop(self) -> None:
        """Follow no layer any more: the widget goes away."""
        self.recount.stop()
        self.writer.cancel()
        self._found.clear()
        self._current = None

    def save_csv(self, path: Path) -> None:
        """Write the table of the result that is shown, measured anew, in a worker."""
        if self._current is not None and not self.writer.running:
            self._say(f"Writing {path.name}…")
            self.writer.start(_write_steps(self._current, path))

    def _lay_out(self) -> None:
        font = self.count.font()
        font.setBold(True)
        self.count.setFont(font)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.count)
        grid = QGridLayout()
        buttons = (self.table, self.save, self.python, self.command)
        for place, button in enumerate(buttons):
            grid.addWidget(button, *divmod(place, 2))
        layout.addLayout(grid)
        layout.addWidget(self.note)
        layout.addWidget(self.probability)

    def _connect(self) -> None:
        self.probability.toggled.connect(self._on_probability)
        self.table.clicked.connect(self._open_table)
        self.save.clicked.connect(self._ask_and_save)
        self.python.clicked.connect(partial(self._copy, as_python, "Python"))
        self.command.clicked.connect(partial(self._copy, as_command, "a terminal"))
        self.recount.measured.connect(self._on_measured)
        self.recount.failed.connect(self.failed)
        self.writer.succeeded.connect(lambda path: self._say(f"Saved {path}."))
        self.writer.failed.connect(self._on_not_written)
        self._viewer.layers.selection.events.active.connect(self._on_active)
        self._viewer.layers.events.removed.connect(self._on_removed)

    def _on_active(self, event: object = None) -> None:
        found = self._found.get(self._viewer.layers.selection.active)
        if found is not None and found is not self._current:
            self._current = found
            self._show()

    def _on_removed(self, event: object = None) -> None:
        for layer in [layer for layer in self._found if layer not in self._viewer.layers]:
            del self._found[layer]
            self.recount.unwatch(layer)
        if self._current is not None and self._current.layer not in self._found:
            self._current = next(reversed(self._found.values()), None)
        self._show()

    def _on_measured(self, found: Found) -> None:
        if found is self._current:
            self._show()

    def _on_probability(self, is_wanted: bool) -> None:
        if not is_wanted:
            self._probabilities.hide()
        elif self._current is not None:
            self._probabilities.show(self._current)

    def _show(self) -> None:
        found = self._current
        for button in (self.table, self.save, self.python, self.command):
            button.setEnabled(found is not None)
        is_kept = found is None or found.probability is not None
        self.probability.setEnabled(is_kept)
        self.probability.setToolTip(_PROBABILITY if is_kept else _NO_PROBABILITY)
        self.count.setText("" if found is None else _count(found))
        self.count.setToolTip("" if found is None else f"In the layer {found.layer.name}")
        self._say("")

    def _say(self, message: str) -> None:
        self.note.setText(message)
        self.note.setVisible(bool(message))

    def _open_table(self) -> None:
        if self._current is not None:
            # The table shows the layer that is selected.
            self._viewer.layers.selection.active = self._current.layer
            self._viewer.window.add_plugin_dock_widget("napari", "Features table widget")

    def _ask_and_save(self) -> None:
        if self._current is not None:
            dialog = QFileDialog(self, "Save table", "", "CSV (*.csv)")
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            # By the dialog, not here: it asks before it replaces the file that is written.
            dialog.setDefaultSuffix("csv")
            dialog.selectFile(f"{self._current.image.name}_nuclei.csv")
            if dialog.exec():
                self.save_csv(Path(dialog.selectedFiles()[0]))

    def _on_not_written(self, error: Exception) -> None:
        self._say("The table was not saved.")
        self.failed.emit(error)

    def _copy(self, as_text: AsText, where: str, checked: bool = False) -> None:
        if self._current is not None:
            source, recipe = self._current.source, self._current.recipe
            model = recipe["model"]
            try:
                text = as_text(recipe | {"model": model | {"name": present_name(**model)}}, source)
            except InputError as error:
                self._say(str(error))
                return
            QGuiApplication.clipboard().setText(text)
            advice = "" if source.path else " It says where to put the pixels, as no file has them."
            self._say(f"Copied: paste it into {where}.{advice}")


def _button(text: str, tool_tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tool_tip)
    return button


def _count(found: Found) -> str:
    if found.recipe["options"]["semantic"]:
        return "One mask of all nuclei"
    return count_in_words(len(found.layer.features))


def _write_steps(found: Found, path: Path) -> Generator[Progress, None, Path]:
    yield Progress(0, 0)
    table = found.measured()
    yield Progress(0, 0)
    tables.write_csv(table, path)
    return path
