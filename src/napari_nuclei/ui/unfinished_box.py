"""Trainings that wait: interrupted ones to resume, and models that are neither kept nor not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_nuclei import paths
from napari_nuclei.pipeline.unfinished import Unfinished, list_unfinished
from napari_nuclei.ui.words import counted

if TYPE_CHECKING:
    from pathlib import Path


class UnfinishedBox(QWidget):
    """A choice of runs with Resume, Result and Discard; hidden where there are none."""

    resume_clicked = Signal(object)
    result_clicked = Signal(object)
    discard_clicked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: tuple[Unfinished, ...] = ()
        self._is_locked = self._is_busy = False
        self.runs = QComboBox()
        self.runs.setSizeAdjustPolicy(
            self.runs.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.resume = QPushButton("Resume")
        self.resume.setToolTip("Go on after the last epoch, for the time chosen above")
        self.result = QPushButton("Result")
        self.result.setToolTip("Show what this training gained, to keep its model or not")
        self.discard = QPushButton("Discard…")
        self.discard.setToolTip("Delete this training; the corrections stay in the project")
        self._lay_out()
        self._connect()

    @property
    def chosen(self) -> Unfinished | None:
        """The run that the buttons are about."""
        index = self.runs.currentIndex()
        return self._found[index] if 0 <= index < len(self._found) else None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models of all these runs."""
        return tuple(unfinished.name for unfinished in self._found)

    def find(self, folder: Path) -> Unfinished | None:
        """Return the run of a folder."""
        return next((found for found in self._found if found.run.folder == folder), None)

    def refresh(self) -> None:
        """List the runs as they are now, newest first."""
        self._found = list_unfinished(paths.training_runs())
        self.runs.clear()
        self.runs.addItems([_describe(unfinished) for unfinished in self._found])
        self._show()

    def set_locked(self, is_locked: bool) -> None:
        """Let nobody resume or discard while a training runs."""
        self._is_locked = is_locked
        self._show()

    def set_busy(self, is_busy: bool) -> None:
        """Let nobody resume or discard while something is done with one of these runs."""
        self._is_busy = is_busy
        self._show()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel("Waiting for you"))
        layout.addWidget(self.runs)
        row = QHBoxLayout()
        for button in (self.resume, self.result, self.discard):
            row.addWidget(button)
        layout.addLayout(row)

    def _connect(self) -> None:
        self.runs.currentIndexChanged.connect(self._show)
        self.runs.currentTextChanged.connect(self.runs.setToolTip)
        self.resume.clicked.connect(lambda: self.resume_clicked.emit(self.chosen))
        self.result.clicked.connect(lambda: self.result_clicked.emit(self.chosen))
        self.discard.clicked.connect(lambda: self.discard_clicked.emit(self.chosen))

    def _show(self, index: int = 0) -> None:
        chosen = self.chosen
        self.setVisible(bool(self._found))
        can = (False, False, False)
        if chosen is not None and not (self._is_locked or self._is_busy):
            can = (chosen.can_resume, chosen.report is not None, True)
        for button, is_possible in zip((self.resume, self.result, self.discard), can, strict=True):
            button.setEnabled(is_possible)


def _describe(unfinished: Unfinished) -> str:
    state = "interrupted after" if unfinished.report is None else "not kept yet,"
    return f"{unfinished.name}: {state} {counted(unfinished.epochs, 'epoch')}"
